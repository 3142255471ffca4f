import type { BatchJob } from '@trestle/contract'
import { StatusWord, type Tone } from '../../components/status-word.tsx'
import { formatCount, formatShare } from '../../lib/format.ts'

const TONES: Readonly<Record<BatchJob['state'], Tone>> = {
  planning: 'idle',
  running: 'info',
  publishing: 'info',
  paused: 'warn',
  done: 'ok',
  failed: 'bad',
  cancelled: 'idle',
}

export const isUnderway = (job: BatchJob): boolean =>
  ['planning', 'running', 'publishing'].includes(job.state)

export const JobState = ({ job }: { job: BatchJob }) => (
  <StatusWord tone={TONES[job.state]} word={job.state} isLive={job.state === 'running'} />
)

/** How far a job is, in a line. */
export function sayProgress({ rows }: BatchJob): string {
  if (rows.total === null) return 'counting the rows'
  const share = rows.total === 0 ? 1 : rows.done / rows.total
  return `${formatCount(rows.done)} of ${formatCount(rows.total)} rows, ${formatShare(share)}`
}

export function nameOfInput({ spec: { input } }: BatchJob): string {
  if ('path' in input) return input.path
  return 'query' in input ? input.query : `${input.connection}: ${input.table}`
}

/** What scores: the endpoint where one was named, else the model version. */
export function nameOfJob({ spec, model }: BatchJob): string {
  if (spec.endpoint !== undefined) return spec.endpoint
  return model === null ? (spec.model ?? '') : `${model.name} v${model.version}`
}
