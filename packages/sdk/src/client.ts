import {
  api,
  labelImport,
  modelVersion,
  type LabelImport,
  type LabelImportQuery,
  type Api,
  type ModelVersionDetail,
  type RouteDef,
  type RouteGroup,
  type RouteInput,
  type RouteResult,
} from '@trestle/contract'
import {
  predictionAnswer,
  type PredictionInput,
  type PredictionResult,
  type PredictOptions,
} from './predict.ts'
import { createSender, type ClientOptions, type Outgoing, type Send } from './send.ts'
import { uploadPath, type ModelUpload } from './upload-model.ts'

type CallOptions = Readonly<{ signal?: AbortSignal }>

type Call<R extends RouteDef> =
  object extends RouteInput<R>
    ? (input?: RouteInput<R>, options?: CallOptions) => Promise<RouteResult<R>>
    : (input: RouteInput<R>, options?: CallOptions) => Promise<RouteResult<R>>

type Group<G extends RouteGroup> = { readonly [K in keyof G]: Call<G[K]> }

/** Every route of the contract as a typed method: `client.identity.createKey({ name: 'ci', role: 'operator' })`. */
export type TrestleClient = { readonly [K in keyof Api]: Group<Api[K]> } & {
  readonly url: string
  /** Asks an endpoint for a prediction of one row. */
  readonly predict: (
    endpoint: string,
    input: PredictionInput,
    options?: CallOptions & PredictOptions
  ) => Promise<PredictionResult>
  /** Registers an ONNX file as the next version of `name`; the model is made when there is none. */
  readonly uploadModel: (
    name: string,
    bytes: Uint8Array | Blob,
    upload?: ModelUpload
  ) => Promise<ModelVersionDetail>
  /** Posts a Parquet or CSV file of labels. Sent again, it changes nothing. */
  readonly importLabels: (
    file: Uint8Array | Blob,
    query: LabelImportQuery,
    options?: CallOptions
  ) => Promise<LabelImport>
  /** A training set's rows, by its digest, as a Parquet or Arrow file. */
  readonly trainingSetFile: (
    digest: string,
    options?: CallOptions & { format?: 'parquet' | 'arrow' }
  ) => Promise<ReadableStream<Uint8Array>>
  /** Any other path: JSON in, JSON out, failures as `TrestleError`. */
  readonly request: (outgoing: Outgoing) => Promise<unknown>
}

/** A client of one Trestle server. Makes no connection until the first call. */
export function createClient(options: ClientOptions): TrestleClient {
  const { send, open } = createSender(options)
  const groups = Object.fromEntries(
    Object.entries(api as Record<string, RouteGroup>).map(([name, group]) => [
      name,
      Object.fromEntries(
        Object.entries(group).map(([key, definition]) => [
          key,
          (input: object = {}, callOptions: CallOptions = {}) =>
            call(send, definition, { input, ...callOptions }),
        ])
      ),
    ])
  )
  const own: Pick<
    TrestleClient,
    'url' | 'predict' | 'uploadModel' | 'importLabels' | 'trainingSetFile' | 'request'
  > = {
    url: options.url,
    predict: async (endpoint, input, { variant, stickyKey, headers: own = {}, signal } = {}) => {
      const path = `/endpoints/${encodeURIComponent(endpoint)}/predict`
      const headers = {
        ...own,
        ...(variant === undefined ? {} : { 'x-trestle-variant': variant }),
        ...(stickyKey === undefined ? {} : { 'x-trestle-sticky-key': stickyKey }),
      }
      return predictionAnswer.parse(
        await send({ method: 'POST', path, body: input, headers, signal })
      )
    },
    uploadModel: async (name, bytes, upload = {}) =>
      modelVersion.parse(
        await send({ method: 'PUT', path: uploadPath(name, upload), body: bytes })
      ),
    importLabels: async (file, query, { signal } = {}) =>
      labelImport.parse(
        await send({
          method: 'POST',
          path: `/api/labels/import?${new URLSearchParams({ ...query }).toString()}`,
          body: file,
          signal,
        })
      ),
    trainingSetFile: (digest, { format = 'parquet', signal } = {}) =>
      open({
        method: 'GET',
        path: `/api/features/training-sets/${encodeURIComponent(digest)}/file?format=${format}`,
        signal,
      }),
    request: send,
  }
  return { ...groups, ...own } as unknown as TrestleClient // built from the same table that the type is
}

async function call(
  send: Send,
  definition: RouteDef,
  given: { input: object; signal?: AbortSignal }
): Promise<unknown> {
  const rest = new Map(Object.entries(given.input))
  const path = definition.path.replaceAll(/:([A-Za-z]+)/g, (_match, key: string) => {
    const value: unknown = rest.get(key)
    rest.delete(key)
    return encodeURIComponent(String(value))
  })
  const query = new URLSearchParams()
  for (const key of Object.keys(definition.query?.shape ?? {})) {
    const value: unknown = rest.get(key)
    rest.delete(key)
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined && item !== null) query.append(key, String(item))
  }
  const search = query.size === 0 ? '' : `?${query.toString()}`
  const body = definition.body === undefined ? undefined : Object.fromEntries(rest)
  return send({ method: definition.method, path: path + search, body, signal: given.signal })
}
