import type { Server } from './proxied-files.ts'

type ReadPage<T> = (
  pageToken: string | undefined
) => Promise<{ items: T[]; next: string | undefined }>

/** MLflow's REST, as far as moving data needs it. */
export function createRest(server: Server) {
  const base = server.url.replace(/\/+$/, '')
  const call = async <T>(
    method: string,
    path: string,
    given: { body?: object; query?: Readonly<Record<string, string>> } = {}
  ): Promise<T> => {
    const query = new URLSearchParams(given.query).toString()
    const response = await fetch(`${base}/api/2.0/${path}${query === '' ? '' : `?${query}`}`, {
      method,
      headers: {
        ...server.headers,
        ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
      signal: AbortSignal.timeout(120_000),
    }).catch((cause: unknown) => {
      throw new Error(`${base} did not answer`, { cause })
    })
    const text = await response.text()
    if (response.ok) return (text === '' ? {} : JSON.parse(text)) as T // MLflow's own answers, read tolerantly
    const refusal = refusalOf(text)
    throw new MlflowRefusal(
      refusal.code,
      `${base}/${path}: ${refusal.message ?? `${response.status} ${text.slice(0, 200)}`}`
    )
  }

  /** Every item of a paged list. */
  async function* pages<T>(read: ReadPage<T>): AsyncGenerator<T> {
    let token: string | undefined
    do {
      const { items, next } = await read(token)
      yield* items
      token = next === '' ? undefined : next
    } while (token !== undefined)
  }

  return {
    label: base,
    server,
    get: <T>(path: string, query: Readonly<Record<string, string>> = {}) =>
      call<T>('GET', `mlflow/${path}`, { query }),
    post: <T>(path: string, body: object) => call<T>('POST', `mlflow/${path}`, { body }),
    send: <T>(method: string, path: string, body: object) =>
      call<T>(method, `mlflow/${path}`, { body }),
    pages,
    async all<T>(read: ReadPage<T>): Promise<T[]> {
      const items: T[] = []
      for await (const item of pages(read)) items.push(item)
      return items
    },
  }
}
export type Rest = ReturnType<typeof createRest>

/** A refusal of an MLflow server, with its code. */
export class MlflowRefusal extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

function refusalOf(text: string): { code: string; message: string | null } {
  try {
    const { error_code, message } = JSON.parse(text) as { error_code?: unknown; message?: unknown }
    return { code: String(error_code), message: typeof message === 'string' ? message : null }
  } catch {
    return { code: '', message: null }
  }
}
