import { Button, Checkbox } from '@mantine/core'
import { IconArrowsDiff, IconFlask, IconListTree } from '@tabler/icons-react'
import type { WireRun } from '@trestle/contract'
import { useState } from 'react'
import { Link, useLocation, useParams } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatDuration, formatNumber, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { keysOf, metricsOf, paramsOf, runTone } from './runs.ts'

const SHOWN_METRICS = 6
const SHOWN_PARAMS = 4

export function ExperimentPage() {
  const { id = '' } = useParams()
  const [, go] = useLocation()
  const [picked, setPicked] = useState<readonly string[]>([])
  const experiment = useRead(['experiment', id], (client) =>
    client.tracking.getExperiment({ experiment_id: id })
  )
  const runs = useRead(
    ['runs', id],
    (client) => client.tracking.searchRuns({ experiment_ids: [id], max_results: 200 }),
    { everyMs: 10_000 }
  )
  return (
    <Page
      title={experiment.data?.experiment.name ?? 'Experiment'}
      parent={{ label: 'Experiments', href: '/experiments' }}
      says="The runs of this experiment, newest first. Tick two to compare them."
      actions={
        <>
          <Button
            component={Link}
            href={`/experiments/${id}/traces`}
            variant="default"
            leftSection={<IconListTree size={16} />}
          >
            Traces
          </Button>
          <Button
            variant="default"
            leftSection={<IconArrowsDiff size={16} />}
            disabled={picked.length !== 2}
            onClick={() => go(`/experiments/${id}/compare/${picked.join('/')}`)}
          >
            Compare
          </Button>
        </>
      }
    >
      <Loaded reading={runs} lines={8}>
        {({ runs: items = [] }) => (
          <Panel isFlush>
            {items.length === 0 ? (
              <Empty icon={IconFlask} title="No runs yet">
                The first run that a program logs to this experiment shows up here.
              </Empty>
            ) : (
              <DataTable
                label="Runs"
                rows={items}
                keyOf={(run) => run.info.run_id}
                columns={columnsOf(items, { picked, setPicked })}
              />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}

function columnsOf(
  runs: readonly WireRun[],
  choice: { picked: readonly string[]; setPicked: (ids: readonly string[]) => void }
): Column<WireRun>[] {
  const metrics = keysOf(runs.map(metricsOf)).slice(0, SHOWN_METRICS)
  const params = keysOf(runs.map(paramsOf)).slice(0, SHOWN_PARAMS)
  return [
    {
      header: '',
      width: 36,
      cell: ({ info }) => (
        <Checkbox
          size="xs"
          aria-label={`Pick ${info.run_name}`}
          checked={choice.picked.includes(info.run_id)}
          onChange={(event) =>
            choice.setPicked(
              event.currentTarget.checked
                ? [...choice.picked, info.run_id].slice(-2)
                : choice.picked.filter((id) => id !== info.run_id)
            )
          }
        />
      ),
    },
    {
      header: 'Run',
      cell: ({ info }) => (
        <Link className="link" href={`/experiments/${info.experiment_id}/runs/${info.run_id}`}>
          {info.run_name}
        </Link>
      ),
    },
    {
      header: 'State',
      cell: ({ info }) => (
        <StatusWord
          tone={runTone(info.status)}
          word={info.status.toLowerCase()}
          isLive={info.status === 'RUNNING'}
        />
      ),
    },
    ...metrics.map((key): Column<WireRun> => ({
      header: key,
      isRight: true,
      cell: (run) => {
        const value = metricsOf(run).get(key)
        return value === undefined ? NOTHING : formatNumber(value)
      },
    })),
    ...params.map((key): Column<WireRun> => ({
      header: key,
      cell: (run) => <span className="dim">{paramsOf(run).get(key) ?? NOTHING}</span>,
    })),
    { header: 'By', cell: ({ info }) => <span className="dim">{info.user_id}</span> },
    { header: 'Began', cell: ({ info }) => <When at={info.start_time} /> },
    {
      header: 'Took',
      isRight: true,
      cell: ({ info }) =>
        info.end_time === undefined ? NOTHING : formatDuration(info.end_time - info.start_time),
    },
  ]
}
