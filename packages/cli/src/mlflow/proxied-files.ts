import type { SourceFile } from './source.ts'

/** A tracking server, and what each request to it carries. */
export type Server = Readonly<{ url: string; headers: Readonly<Record<string, string>> }>

type Listing = { files?: { path: string; is_dir: boolean; file_size?: number }[] }

/** Files below a path of a server's artifact store, through its proxy (`mlflow-artifacts:`). */
export async function* proxiedFiles(server: Server, root: string): AsyncGenerator<SourceFile> {
  const base = `${server.url.replace(/\/+$/, '')}/api/2.0/mlflow-artifacts/artifacts`
  const get = async (url: string): Promise<Response> => {
    const response = await fetch(url, { headers: server.headers })
    if (!response.ok) throw new Error(`${url} answered ${response.status}`)
    return response
  }
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const path = folder === '' ? root : `${root}/${folder}`
    const { files = [] } = (await (
      await get(`${base}?path=${encodeURIComponent(path)}`)
    ).json()) as Listing
    for (const file of files) {
      // Some servers answer names, some paths below the folder that was asked for.
      const name = file.path.split('/').at(-1) ?? file.path
      const below = folder === '' ? name : `${folder}/${name}`
      if (file.is_dir) folders.push(below)
      else
        yield {
          path: below,
          size: file.file_size ?? 0,
          open: async () => {
            const { body } = await get(`${base}/${quote(`${root}/${below}`)}`)
            return body ?? new Blob([])
          },
        }
    }
  }
}

export const quote = (path: string): string => path.split('/').map(encodeURIComponent).join('/')
