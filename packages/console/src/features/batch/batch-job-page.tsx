import { Alert, Button, Progress } from '@mantine/core'
import type { BatchJob } from '@trestle/contract'
import type { TrestleClient } from '@trestle/sdk'
import { Link, useParams } from 'wouter'
import { ConfirmButton } from '../../components/confirm-button.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { Stat, Stats } from '../../components/stat.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, formatDuration, NOTHING } from '../../lib/format.ts'
import { tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'
import { isUnderway, JobState, nameOfInput, nameOfJob, sayProgress } from './job-state.tsx'

export function BatchJobPage() {
  const { id = '' } = useParams()
  const job = useRead(['batch-job', id], (client) => client.batch.getJob({ id }), {
    everyMs: 1_000,
  })
  const { data } = job
  return (
    <Page
      title={data === undefined ? id : `${nameOfJob(data)}, batch job`}
      parent={{ label: 'Batch', href: '/batch' }}
      badge={data === undefined ? undefined : <JobState job={data} />}
      says={data === undefined ? id : sayProgress(data)}
      actions={data === undefined ? undefined : <Actions job={data} />}
    >
      <Loaded reading={job}>{(known) => <JobView job={known} />}</Loaded>
    </Page>
  )
}

type Act = (client: TrestleClient['batch'], input: { id: string }) => Promise<BatchJob>

function Actions({ job }: { job: BatchJob }) {
  const act = useChange((client, how: Act) => how(client.batch, { id: job.id }))
  const run = (how: Act) => act.mutate(how, { onError: tellFailure })
  const canResume = job.state === 'paused' || job.state === 'failed'
  return (
    <>
      {isUnderway(job) ? (
        <Button variant="default" onClick={() => run((c, i) => c.pauseJob(i))}>
          Pause
        </Button>
      ) : null}
      {canResume ? <Button onClick={() => run((c, i) => c.resumeJob(i))}>Resume</Button> : null}
      {isUnderway(job) || canResume ? (
        <ConfirmButton
          label="Cancel"
          question="Cancel this job?"
          button={{ color: 'red', variant: 'light' }}
          onConfirm={() => run((c, i) => c.cancelJob(i))}
        >
          Nothing is published, and what was scored so far is removed.
        </ConfirmButton>
      ) : null}
    </>
  )
}

function JobView({ job }: { job: BatchJob }) {
  const { rows, shards } = job
  const share = rows.total === null || rows.total === 0 ? 0 : rows.done / rows.total
  const took = job.startedAt === null || job.endedAt === null ? null : job.endedAt - job.startedAt
  return (
    <>
      {job.error === null ? null : (
        <Alert color="red" title="The job stopped">
          {job.error}
        </Alert>
      )}
      <Panel>
        <Progress
          value={job.state === 'done' ? 100 : share * 100}
          size="lg"
          animated={job.state === 'running'}
          color={job.state === 'failed' ? 'red' : 'teal'}
          aria-label="Progress"
        />
      </Panel>
      <Stats>
        <Stat
          label="Rows"
          value={formatCount(rows.done)}
          note={rows.total === null ? 'counting' : `of ${formatCount(rows.total)}`}
        />
        <Stat
          label="Failed rows"
          value={formatCount(rows.failed)}
          note={`${formatCount(job.spec.maxFailedRows)} may fail`}
        />
        <Stat label="Parts" value={`${shards.done}`} note={`of ${shards.total}`} />
        <Stat
          label="Rows per second"
          value={job.rowsPerSecond === null ? NOTHING : formatCount(job.rowsPerSecond)}
          note={isUnderway(job) ? 'lately' : 'in all'}
        />
        <Stat
          label={took === null ? 'Time left' : 'Took'}
          value={
            took !== null
              ? formatDuration(took)
              : job.secondsLeft === null
                ? NOTHING
                : formatDuration(job.secondsLeft * 1000)
          }
          note={<When at={job.endedAt ?? job.createdAt} />}
        />
      </Stats>
      <Panel title="What it does">
        <dl className="facts">
          <dt>Model</dt>
          <dd>
            {job.model === null ? (
              NOTHING
            ) : (
              <Link
                className="link"
                href={`/models/${encodeURIComponent(job.model.name)}/${job.model.version}`}
              >
                {job.model.name} v{job.model.version}
              </Link>
            )}
          </dd>
          <dt>Input</dt>
          <dd>
            <code>{nameOfInput(job)}</code>
          </dd>
          <dt>Output</dt>
          <dd>
            <code>{job.spec.output.path}</code> {job.spec.output.format}
          </dd>
          <dt>Features from</dt>
          <dd>{sayFeatures(job)}</dd>
          <dt>Inference log</dt>
          <dd>{job.spec.isLogged ? 'every row' : 'nothing'}</dd>
          <dt>Started by</dt>
          <dd>{job.createdBy}</dd>
        </dl>
      </Panel>
    </>
  )
}

function sayFeatures({ spec: { features } }: BatchJob): string {
  if (features === undefined) return 'the input'
  const when =
    features.eventTime === undefined ? 'as they are now' : `as they were at ${features.eventTime}`
  return `${features.service}, ${when}`
}
