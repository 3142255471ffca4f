import type { Fleet } from './fleet.ts'
import type { LoadedModel } from './runtime.ts'

/** How long the runs of one variant's model took, by their rows. */
export type MeasuredBatches = Readonly<{
  endpoint: string
  endpointId: string
  variant: string
  device: LoadedModel['device']
  /** Whether requests are put together here. */
  isBatched: boolean
  maxBatchRows: number
  sizes: readonly Readonly<{ rows: number; runs: number; meanMs: number }>[]
}>

export const measuredBatches = (
  fleet: Fleet,
  project: string,
  maxBatchRows: number
): MeasuredBatches[] =>
  fleet.list(project).flatMap(({ stored, variants }) =>
    [...variants.values()].flatMap(({ name, served, meter }) =>
      served === null
        ? []
        : {
            endpoint: stored.name,
            endpointId: stored.id,
            variant: name,
            device: served.device,
            isBatched: served.isBatchable,
            maxBatchRows,
            sizes: [...meter.counts.byBatchRows].map(([rows, { runs, ms }]) => ({
              rows,
              runs,
              meanMs: ms / runs,
            })),
          }
    )
  )
