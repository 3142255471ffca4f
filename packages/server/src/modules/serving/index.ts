/** Online serving: endpoints, their variants, runtimes and protocols. Tells of every prediction; knows nothing of who listens. */
export type { InferenceCompleted, LoggedColumn } from './inference-event.ts'
export type { Traffic } from './traffic.ts'
