import type * as Library from '@platformatic/kafka'
import type { Consumer, ConsumerOptions } from '@platformatic/kafka'

/**
 * A consumer that reads committed offsets only once they are settled (KIP-447): after a rebalance, the offsets of a transaction that another
 * member is committing would otherwise be read as they were before, and its records be processed twice.
 */
export function createStableConsumer(
  library: typeof Library,
  options: ConsumerOptions<Buffer, Buffer, Buffer, Buffer>
): Consumer {
  const consumer = new library.Consumer(options)
  const getApi = consumer[library.kGetApi].bind(consumer) as GetApi
  Object.defineProperty(consumer, library.kGetApi, {
    value: ((name, callback) => {
      getApi(name, (error, api) => {
        // The library asks with `requireStable` false; the broker answers an unsettled offset with an error that it tries again by itself.
        const asks = name === 'OffsetFetch' && error === null
        callback(error, asks ? Object.assign(stable(api), api) : api)
      })
    }) satisfies GetApi,
  })
  return consumer
}

/** Connection, groups, `requireStable`, callback. */
type Api = (...asked: [unknown, unknown, boolean, unknown]) => unknown
type GetApi = (name: string, callback: (error: Error | null, api: Api) => void) => void

const stable =
  (api: Api): Api =>
  (...[connection, groups, , done]) =>
    api(connection, groups, true, done)
