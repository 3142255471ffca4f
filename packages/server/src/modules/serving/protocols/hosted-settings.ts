/** What a platform that hosts the image says, and whether its callers come without a key because it has let them in itself. */
export type HostedSettings = Readonly<{
  /** Vertex AI's `AIP_HEALTH_ROUTE` and `AIP_PREDICT_ROUTE`; null elsewhere. */
  vertex: Readonly<{ healthRoute: string; predictRoute: string }> | null
  /** `SageMaker`, Vertex AI or Azure ML stand in front and let callers in. */
  isBehindPlatform: boolean
}>

export const NOT_HOSTED: HostedSettings = { vertex: null, isBehindPlatform: false }
