/** Where a Redis or Valkey is, read from `ONLINE_STORE_URL`. */
export type RedisAddress = Readonly<{
  nodes: readonly Readonly<{ host: string; port: number }>[]
  isCluster: boolean
  isTls: boolean
  username: string | null
  password: string | null
  database: number
  /** Without the password, for messages. */
  shown: string
}>

const URL_FORM =
  /^(?<scheme>rediss?):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<nodes>[^/?]+)(?:\/(?<database>\d*))?(?:\?(?<query>.*))?$/

/**
 * Reads `redis://user:password@host:6379/0`; with several hosts (`host1:6379,host2:6379`) or `?cluster=true` it is a cluster, whose other nodes are
 * found by asking. `rediss://` speaks TLS. Throws what is wrong with it.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = URL_FORM.exec(url)?.groups
  if (parts === undefined)
    throw new Error('must be like redis://host:6379/0, or redis://host1,host2?cluster=true')
  const query = new URLSearchParams(parts['query'] ?? '')
  for (const [name, value] of query)
    if (name !== 'cluster' || !['true', 'false'].includes(value))
      throw new Error(`has "?${name}=${value}"; only cluster=true or cluster=false is known`)
  const nodes = (parts['nodes'] ?? '').split(',').map((node) => {
    const [, bracketed, plain, port = '6379'] =
      /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(node) ?? []
    const host = bracketed ?? plain
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
      throw new Error(`names the node "${node}", which is not host:port`)
    return { host, port: Number(port) }
  })
  const isCluster = query.get('cluster') === 'true' || nodes.length > 1
  if (nodes.length > 1 && query.get('cluster') === 'false')
    throw new Error('names several hosts, so it can only be a cluster')
  const database = Number(parts['database'] ?? 0)
  if (isCluster && database !== 0)
    throw new Error(`names database ${database}; a cluster has none but 0`)
  const text = (value: string | undefined): string | null =>
    value === undefined || value === '' ? null : decodeURIComponent(value)
  return {
    nodes,
    isCluster,
    isTls: parts['scheme'] === 'rediss',
    username: text(parts['user']),
    password: text(parts['password']),
    database,
    shown: `${parts['scheme'] ?? ''}://${parts['nodes'] ?? ''}`,
  }
}
