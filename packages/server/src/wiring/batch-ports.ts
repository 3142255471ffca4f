import type { Job, TableFeatures } from '../modules/batch/index.ts'
import type { Features } from '../modules/features/index.ts'
import type { Monitoring } from '../modules/monitoring/index.ts'

/** A table's missing columns are features, as they are served or as they were known. */
export const tableFeaturesFrom = (features: Features): TableFeatures => ({
  online: (request) => features.online(request),
  async historical({ project, service, rows }) {
    const joined = await features.historical({
      project,
      wanted: { service },
      entities: { kind: 'rows', rows },
      mode: 'as-known',
    })
    return { names: joined.columns, values: joined.rows }
  },
})

/** People are told of a batch job that has ended. */
export const batchNoticesFrom = (monitoring: Monitoring, clock: { now(): number }) => (job: Job) =>
  monitoring.notify({
    project: job.project,
    kind: 'batch-job',
    severity: job.state === 'done' ? 'info' : 'warning',
    subject: job.id,
    title: job.state === 'done' ? `Batch job ${job.id} is done` : `Batch job ${job.id} failed`,
    text: job.error ?? `The output is in ${job.spec.output.path}`,
    link: `/batch/${job.id}`,
    details: {
      job: job.id,
      state: job.state,
      output: job.spec.output.path,
      model: job.model === null ? null : `${job.model.name}/${job.model.version}`,
    },
    at: clock.now(),
  })
