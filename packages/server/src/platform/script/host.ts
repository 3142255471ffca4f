/**
 * A process that holds one script. It was started without rights to files, processes and the environment; what it gets and gives are messages.
 */
import type { FromHost, ToHost } from './script-process.ts'

type Script = {
  inputs?: unknown
  outputs?: unknown
  load?: () => unknown
  predict?: (rows: unknown, context: unknown) => unknown
}

const send = (message: FromHost): void => {
  process.send?.(message)
}
const textOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)

let script: Script = {}
let state: unknown

async function load(source: string): Promise<void> {
  const module = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
    default?: Script
  }
  if (typeof module.default?.predict !== 'function')
    throw new Error('a script must default-export { inputs, outputs, predict }')
  script = module.default
  state = await script.load?.()
  send({ kind: 'loaded', inputs: script.inputs ?? null, outputs: script.outputs ?? null })
}

process.on('message', (message: ToHost) => {
  switch (message.kind) {
    case 'load':
      load(message.source).catch((error: unknown) =>
        send({ kind: 'not-loaded', message: textOf(error) })
      )
      return
    case 'predict':
      void Promise.resolve()
        .then(() => script.predict?.(message.rows, { state, requestId: message.requestId }))
        .then(
          (rows) => send({ kind: 'done', id: message.id, rows }),
          (error: unknown) => send({ kind: 'failed', id: message.id, message: textOf(error) })
        )
  }
})
