import { Button } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import type { DriftReportHead } from '@trestle/contract'
import { Link, useParams } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord, Tag } from '../../components/status-word.tsx'
import { Stat, Stats } from '../../components/stat.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, NOTHING } from '../../lib/format.ts'
import { tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'
import { DriftReportPanels } from './drift-report-panels.tsx'
import { monitorTone, sayMonitorState } from './monitor-state.ts'
import { sayWindow } from './monitoring-page.tsx'

const COLUMNS: readonly Column<DriftReportHead>[] = [
  {
    header: 'Window',
    cell: (r) => (
      <Link className="link" href={`/monitoring/reports/${r.id}`}>
        <When at={r.to} />
      </Link>
    ),
  },
  {
    header: 'State',
    cell: (r) => <StatusWord tone={monitorTone(r.state)} word={sayMonitorState(r.state)} />,
  },
  { header: 'In words', cell: (r) => <span className="dim">{r.summary}</span> },
  { header: 'Rows', isRight: true, cell: (r) => formatCount(r.rows) },
  {
    header: 'Drifted columns',
    isRight: true,
    cell: (r) => `${r.driftedColumns.length} of ${r.columns}`,
  },
  { header: '', cell: (r) => (r.trigger === 'manual' ? <Tag>by hand</Tag> : null) },
]

export function MonitorPage() {
  const { name = '' } = useParams()
  const monitor = useRead(['monitor', name], (client) => client.monitoring.getMonitor({ name }), {
    everyMs: 15_000,
  })
  const reports = useRead(
    ['drift', name],
    (client) => client.monitoring.listDrift({ monitor: name, limit: 30 }),
    {
      everyMs: 15_000,
    }
  )
  const newest = reports.data?.items[0]?.id
  const evaluate = useChange((client) => client.monitoring.evaluateMonitor({ name }))
  return (
    <Page
      title={name}
      parent={{ label: 'Monitoring', href: '/monitoring' }}
      says={monitor.data?.summary ?? ' '}
      badge={
        monitor.data === undefined ? undefined : (
          <StatusWord
            tone={monitorTone(monitor.data.state)}
            word={sayMonitorState(monitor.data.state)}
          />
        )
      }
      actions={
        <Button
          variant="default"
          leftSection={<IconPlayerPlay size={15} />}
          loading={evaluate.isPending}
          onClick={() => evaluate.mutate(undefined, { onError: tellFailure })}
        >
          Evaluate now
        </Button>
      }
    >
      <Loaded reading={monitor}>
        {({ spec, referenceRows, referenceAt, lastEvaluatedAt }) => (
          <Stats>
            <Stat
              label="Endpoint"
              value={spec.endpoint}
              href={`/endpoints/${spec.endpoint}`}
              note={spec.variant ?? 'all variants'}
            />
            <Stat
              label="Window"
              value={sayWindow(spec.window)}
              note={
                <>
                  evaluated <When at={lastEvaluatedAt} none="not yet" />
                </>
              }
            />
            <Stat
              label="Reference"
              value={referenceRows === null ? NOTHING : formatCount(referenceRows)}
              unit="rows"
              note={
                referenceAt === null ? (
                  spec.reference.detail
                ) : (
                  <>
                    fixed <When at={referenceAt} />
                  </>
                )
              }
            />
            <Stat
              label="Alerts when"
              value={`${spec.alertWhen.drifted} of ${spec.alertWhen.of}`}
              note={['windows in a row drifted', ...spec.onAlert.map((action) => action.do)].join(
                ', then '
              )}
            />
          </Stats>
        )}
      </Loaded>
      {newest === undefined ? null : <DriftReportPanels id={newest} />}
      <Loaded reading={reports}>
        {({ items }) => (
          <Panel title="Windows" says="Newest first." isFlush>
            {items.length === 0 ? (
              <p className="dim" style={{ padding: '4px 16px 16px', margin: 0 }}>
                No window is complete yet.
              </p>
            ) : (
              <DataTable label="Windows" columns={COLUMNS} rows={items} keyOf={(r) => r.id} />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}
