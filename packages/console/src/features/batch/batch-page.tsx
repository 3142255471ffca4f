import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus, IconStack2 } from '@tabler/icons-react'
import type { BatchJob } from '@trestle/contract'
import { Link } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { JobState, nameOfJob, sayProgress } from './job-state.tsx'
import { NewBatchJobDialog } from './new-batch-job-dialog.tsx'

const RUN = 'trestle batch run --model fraud@champion --input data/*.parquet --output scored/'

const COLUMNS: readonly Column<BatchJob>[] = [
  {
    header: 'Job',
    cell: (job) => (
      <Link href={`/batch/${job.id}`} className="link">
        {nameOfJob(job)}
      </Link>
    ),
  },
  { header: 'State', cell: (job) => <JobState job={job} /> },
  { header: 'Progress', cell: (job) => sayProgress(job) },
  {
    header: 'Failed rows',
    isRight: true,
    cell: (job) => (job.rows.failed === 0 ? NOTHING : formatCount(job.rows.failed)),
  },
  { header: 'Output', cell: (job) => <code>{job.spec.output.path}</code> },
  { header: 'Started', cell: (job) => <When at={job.createdAt} /> },
  { header: 'Ended', cell: (job) => <When at={job.endedAt} /> },
]

export function BatchPage() {
  const [isOpen, dialog] = useDisclosure(false)
  const jobs = useRead(['batch-jobs'], (client) => client.batch.listJobs({ limit: 100 }), {
    everyMs: 2_000,
  })
  return (
    <Page
      title="Batch"
      says="A batch job scores whole files with a model version. Its answers appear at once, when every row is done."
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={dialog.open}>
          New job
        </Button>
      }
    >
      <Loaded reading={jobs}>
        {({ items }) => (
          <Panel isFlush>
            {items.length === 0 ? (
              <Empty icon={IconStack2} title="No batch jobs yet" command={RUN}>
                Score Parquet, CSV or NDJSON files, or a query, with any registered model.
              </Empty>
            ) : (
              <DataTable
                label="Batch jobs"
                columns={COLUMNS}
                rows={items}
                keyOf={(job) => job.id}
              />
            )}
          </Panel>
        )}
      </Loaded>
      <NewBatchJobDialog isOpen={isOpen} close={dialog.close} />
    </Page>
  )
}
