/** What may be said of a model that is registered from its file. */
export type ModelUpload = Readonly<{
  description?: string
  tags?: Readonly<Record<string, string>>
  metrics?: Readonly<Record<string, number>>
  /** The run that made it. Without one, a run is made for its metrics. */
  runId?: string
  featureService?: string
  /** Columns in the model's order, with MLflow's types (`double`, `long`, `string` …). */
  signature?: Readonly<{
    inputs: readonly { name: string; type: string }[]
    outputs: readonly { name: string; type: string }[]
  }>
}>

/** The path and query of an upload of `name`. */
export function uploadPath(name: string, upload: ModelUpload): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(upload))
    query.set(key, typeof value === 'string' ? value : JSON.stringify(value))
  return `/api/models/${encodeURIComponent(name)}/versions${query.size === 0 ? '' : `?${query.toString()}`}`
}
