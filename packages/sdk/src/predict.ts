import { z } from 'zod'

/** What a prediction answers: outputs of one row, who made it, and the id to report the truth under. */
export type PredictionResult = Readonly<{
  predictionId: string
  variant: string
  outputs: Readonly<Record<string, unknown>>
}>

/** Inputs of one row by name: request values and entity ids; features are filled in by the endpoint's feature service. */
export type PredictionInput = Readonly<Record<string, string | number | bigint | boolean | null>>

/** What goes with a prediction beside its inputs. */
export type PredictOptions = Readonly<{
  /** For testers: the variant that answers, by its name or model version, whatever the traffic says. */
  variant?: string
  /** Who is asked for: the same key gets the same variant all through a rollout. */
  stickyKey?: string
  /** Further headers, as the one that the endpoint's `stickyKey: 'header:x-user'` reads. */
  headers?: Readonly<Record<string, string>>
}>

export const predictionAnswer = z.looseObject({
  predictionId: z.string(),
  variant: z.string(),
  outputs: z.record(z.string(), z.unknown()),
})
