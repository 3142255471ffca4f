import type { InferenceCompleted } from '../../serving/index.ts'

/** An event as serving would tell it, for tests. */
export function sampleEvent(over: Partial<InferenceCompleted> = {}): InferenceCompleted {
  return {
    predictionId: 'p1',
    requestId: 'r1',
    project: 'default',
    endpoint: 'fraud',
    endpointId: 'ep_1',
    variant: 'v1',
    model: { name: 'fraud', version: 1 },
    role: 'live',
    pairedWith: null,
    at: 1_795_459_210_948,
    latencyMs: 4.5,
    stages: { featuresMs: 1, queueMs: 0.5, computeMs: 3 },
    busyMs: 3,
    device: 'cpu',
    status: 'ok',
    errorCode: null,
    stickyKey: null,
    apiKeyId: null,
    entities: { user: 'u1' },
    rows: 1,
    inputs: [
      { name: 'amount', type: 'float', values: [12.5] },
      { name: 'country', type: 'string', values: ['NL'] },
    ],
    outputs: [
      { name: 'score', type: 'float', values: [0.75] },
      { name: 'label', type: 'int', values: [1] },
    ],
    oldestFeatureAt: null,
    ...over,
  }
}
