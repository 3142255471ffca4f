import type { RemoteSpecInput } from '@trestle/contract'

/** What a variant is made of: a file to register, a folder of MLflow to register, or a model that stays on its server. */
export type PlannedSource =
  | Readonly<{ kind: 'onnx'; file: string }>
  | Readonly<{ kind: 'mlflow'; folder: string }>
  | Readonly<{ kind: 'remote'; remote: RemoteSpecInput }>

export type PlannedVariant = Readonly<{
  variant: string
  source: PlannedSource
  batching: Readonly<{ maxRows?: number; maxQueued?: number }> | null
}>

export type PlannedEndpoint = Readonly<{
  name: string
  /** Not empty; the last one gets the traffic. */
  variants: readonly PlannedVariant[]
  logger: Readonly<{ url: string; mode: 'all' | 'request' | 'response' }> | null
}>

/** What another server has, as endpoints of ours, and what of it can't come along. */
export type ServingPlan = Readonly<{ endpoints: PlannedEndpoint[]; notes: string[] }>

/** Our names have letters, digits, `.`, `_` and `-`. */
export const safeName = (name: string): string => name.replace(/[^\w.-]/g, '-').slice(0, 120)

export const sourceText = (source: PlannedSource): string => {
  switch (source.kind) {
    case 'onnx':
      return source.file
    case 'mlflow':
      return source.folder
    case 'remote':
      return `${source.remote.url} ${source.remote.model ?? ''}`.trim()
  }
}
