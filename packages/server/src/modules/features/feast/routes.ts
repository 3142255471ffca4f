import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { fail } from '../../../platform/errors.ts'
import type { FeatureStore } from '../feature-store.ts'
import type { OnlineValues } from '../online/read-online.ts'
import type { Selection, Wanted } from '../selection.ts'
import { parseInstantUs, type Value } from '../value.ts'
import { addDirectRoute } from '../../../platform/http/index.ts'
import { answerFeastError, refuseAsFeast, refuseBody } from './errors.ts'
import { writeColumns } from './write-columns.ts'
import { feastJson, feastTime, parseExactJson } from './exact-json.ts'

const frame = z.record(z.string(), z.array(z.unknown()))
const onlineBody = z.object({
  entities: frame,
  features: z.array(z.string()).nullish(),
  feature_service: z.string().nullish(),
  full_feature_names: z.boolean().nullish(),
  include_feature_view_version_metadata: z.boolean().nullish(),
})
const pushBody = z.object({
  push_source_name: z.string(),
  df: frame,
  to: z.string().default('online'),
})
const writeBody = z.object({ feature_view_name: z.string(), df: frame })
const materializeBody = z.object({
  start_ts: z.string().nullish(),
  end_ts: z.string().nullish(),
  feature_views: z.array(z.string()).nullish(),
  disable_event_timestamp: z.boolean().nullish(),
})
const TARGETS = new Map([
  ['online', 'online'],
  ['offline', 'offline'],
  ['online_and_offline', 'both'],
] as const)

/** Feast's HTTP feature server, at `/feast` and at the root, where its clients look. */
export function addFeastRoutes(app: FastifyInstance, store: FeatureStore): void {
  for (const prefix of ['', '/feast']) {
    addRead(app, store, `${prefix}/get-online-features`)
    void app.register(
      async (scope) => {
        scope.setErrorHandler(answerFeastError)
        scope.removeContentTypeParser('application/json')
        scope.addContentTypeParser(
          'application/json',
          { parseAs: 'string' },
          (_request, body, done) => {
            try {
              done(null, parseBody(String(body)))
            } catch (error) {
              done(error as Error) // parseBody throws no other
            }
          }
        )
        addRoutes(scope, store)
        if (prefix !== '')
          scope.get('/health', { config: { isPublic: true } }, async (_request, reply) =>
            reply.status(200).send()
          )
      },
      { prefix }
    )
  }
}

/** Reads are most of the traffic, so they are answered in front of Fastify. */
function addRead(app: FastifyInstance, store: FeatureStore, url: string): void {
  addDirectRoute(app, {
    url,
    refuse: refuseAsFeast,
    async answer({ body: bytes, project }) {
      const given = parseBody(bytes.toString())
      const answer = async (body: OnlineBody) => ({
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: await readFeatures(store, project, body),
      })
      if (isPlain(given)) return answer(given)
      const parsed = onlineBody.safeParse(given)
      return parsed.success ? answer(parsed.data) : refuseBody(parsed.error, given)
    },
  })
}

type OnlineBody = z.infer<typeof onlineBody>

/** What the schema takes, told without going through every value of every column. */
function isPlain(given: unknown): given is OnlineBody {
  if (typeof given !== 'object' || given === null) return false
  const { entities, features, feature_service, ...rest } = given as Record<string, unknown> // an object, by the line before
  if (typeof entities !== 'object' || entities === null || Array.isArray(entities)) return false
  for (const flag in rest) if (typeof rest[flag] !== 'boolean') return false
  return (
    Object.values(entities).every(Array.isArray) &&
    (features === undefined ||
      (Array.isArray(features) && features.every((f) => typeof f === 'string'))) &&
    (feature_service === undefined || typeof feature_service === 'string')
  )
}

async function readFeatures(
  store: FeatureStore,
  project: string,
  body: OnlineBody
): Promise<string> {
  const wanted = wantedOf(body)
  const selection = store.select(project, wanted)
  const now = store.now()
  const withVersions = body.include_feature_view_version_metadata === true
  const columns = body.entities
  const found = withVersions ? null : store.onlineTexts(selection, { columns, now })
  const texts = found instanceof Promise ? await found : found
  if (texts !== null) return writeColumns({ selection, plan: texts.plan }, texts.reads, texts)
  const rows = rowsOf(columns)
  const missing = selection.keys.filter((k) => columns[k.key] === undefined).map((k) => k.key)
  if (missing.length > 0)
    throw fail(
      'request.invalid',
      `Missing join key values for keys: [${missing.map((k) => `'${k}'`).join(', ')}]`
    )
  const answer = await store.online({ project, wanted, rows, now })
  return columnMajor(selection, { answer, entities: rows, withVersions })
}

function parseBody(text: string): unknown {
  try {
    return parseExactJson(text)
  } catch (error) {
    throw fail('request.malformed', 'The body is not JSON', { cause: error })
  }
}

function addRoutes(scope: FastifyInstance, store: FeatureStore): void {
  scope.post('/push', { config: { role: 'operator', audit: false } }, async (request, reply) => {
    const body = pushBody.parse(request.body)
    const to = TARGETS.get(body.to as 'online') // an unknown word is not in the map
    if (to === undefined)
      throw fail(
        'request.invalid',
        `${body.to} is not a supported push format. Please specify one of these ['online', 'offline', 'online_and_offline'].`
      )
    await store.push({
      project: request.project,
      pushSource: body.push_source_name,
      to,
      rows: rowsOf(body.df),
      ignoreUnknown: true,
    })
    return reply.status(200).send()
  })

  scope.post(
    '/write-to-online-store',
    { config: { role: 'operator', audit: false } },
    async (request, reply) => {
      const body = writeBody.parse(request.body)
      await store.push({
        project: request.project,
        view: body.feature_view_name,
        to: 'online',
        rows: rowsOf(body.df),
        ignoreUnknown: true,
      })
      return reply.type('application/json').send('null')
    }
  )

  for (const [path, mode] of [
    ['/materialize', 'full'],
    ['/materialize-incremental', 'incremental'],
  ] as const) {
    scope.post(
      path,
      { config: { role: 'operator', audit: 'features.materialize' } },
      async (request, reply) => {
        const body = materializeBody.parse(request.body ?? {})
        const span = spanOf(body, mode)
        const views = body.feature_views ?? store.viewNames(request.project)
        for (const view of views) store.catalog.view(request.project, view)
        const work = async (): Promise<void> => {
          for (const view of views)
            await store.materialize({ project: request.project, view, mode, ...span })
        }
        if (isAsync(request)) {
          work().catch((error: unknown) =>
            request.log.error({ err: error, views }, 'materialization failed')
          )
          return reply.status(202).send({ status: 'accepted', feature_views: views })
        }
        await work()
        return reply.type('application/json').send('null')
      }
    )
  }
}

function wantedOf(body: z.infer<typeof onlineBody>): Wanted {
  const fullNames = body.full_feature_names === true
  if (typeof body.feature_service === 'string') return { service: body.feature_service, fullNames }
  if (body.features === null || body.features === undefined || body.features.length === 0)
    throw fail('request.invalid', 'Name either "features" or a "feature_service"')
  return { features: body.features, fullNames }
}

/** A frame of columns as rows. */
function rowsOf(columns: z.infer<typeof frame>): Record<string, unknown>[] {
  const names = Object.keys(columns)
  const lengths = new Set(names.map((name) => columns[name]?.length))
  if (lengths.size > 1) throw fail('request.invalid', 'All columns must have as many values')
  const [length = 0] = lengths
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(names.map((name) => [name, columns[name]?.[i] ?? null]))
  )
}

/** Incremental goes by arrival, so its `end_ts` is not needed: rows that lie ahead of now are served when their time comes. */
function spanOf(
  body: z.infer<typeof materializeBody>,
  mode: 'full' | 'incremental'
): { fromMs: number | null; toMs: number | null } {
  if (mode === 'incremental' || body.disable_event_timestamp === true)
    return { fromMs: null, toMs: null }
  const fromUs = parseInstantUs(body.start_ts)
  const toUs = parseInstantUs(body.end_ts)
  if (fromUs === undefined || toUs === undefined)
    throw fail(
      'request.invalid',
      'start_ts and end_ts are required when disable_event_timestamp is False'
    )
  return { fromMs: fromUs / 1000, toMs: Math.floor(toUs / 1000) }
}

function isAsync(request: FastifyRequest): boolean {
  return z.object({ async: z.literal('true') }).safeParse(request.query).success
}

/** Feast's answer has one entry per column: first the keys, then the features, in `metadata.feature_names` order. */
function columnMajor(
  selection: Selection,
  {
    answer,
    entities,
    withVersions,
  }: { answer: OnlineValues; entities: readonly Record<string, unknown>[]; withVersions: boolean }
): string {
  const times = entities.map(() => '"1970-01-01T00:00:00Z"').join(',')
  const present = entities.map(() => '"PRESENT"').join(',')
  const columns = selection.keys.map(({ key, type }) => {
    const values = entities.map((row) => feastJson((row[key] ?? null) as Value, type)) // checked by the read
    return `{"values":[${values.join(',')}],"statuses":[${present}],"event_timestamps":[${times}]}`
  })
  // A row's features share few event times, and writing a date costs more than looking one up.
  const known = new Map<number | null, string>()
  const stampOf = (us: number | null): string => {
    let text = known.get(us)
    if (text === undefined) known.set(us, (text = `"${feastTime(us)}"`))
    return text
  }
  selection.outputs.forEach(({ type }, i) => {
    const values = answer.values.map((row) => feastJson(row[i] ?? null, type))
    const statuses = answer.statuses.map((row) => `"${row[i] ?? 'NOT_FOUND'}"`)
    const stamps = answer.eventTimesUs.map((row) => stampOf(row[i] ?? null))
    columns.push(
      `{"values":[${values.join(',')}],"statuses":[${statuses.join(',')}],"event_timestamps":[${stamps.join(',')}]}`
    )
  })
  const metadata = {
    feature_names: [...selection.keys.map((k) => k.key), ...answer.names],
    ...(withVersions
      ? {
          feature_view_metadata: selection.reads.map((r) => ({
            name: r.view.name,
            version: r.view.version,
          })),
        }
      : {}),
  }
  return `{"results":[${columns.join(',')}],"metadata":${JSON.stringify(metadata)}}`
}
