import { IconActivity, IconBellOff } from '@tabler/icons-react'
import type { Monitor } from '@trestle/contract'
import { Link } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, formatDuration, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { AlertsTable } from './alerts-table.tsx'
import { monitorTone, sayMonitorState } from './monitor-state.ts'

const CREATE = `curl -X PUT ${window.location.origin}/api/monitors/fraud-inputs -H 'content-type: application/json' -d '{
  "endpoint": "fraud",
  "reference": { "kind": "first", "rows": 1000 },
  "window": { "kind": "rows", "rows": 500 }
}'`

const COLUMNS: readonly Column<Monitor>[] = [
  {
    header: 'Monitor',
    cell: (m) => (
      <Link className="link" href={`/monitoring/${m.spec.name}`}>
        {m.spec.name}
      </Link>
    ),
  },
  {
    header: 'State',
    cell: (m) => <StatusWord tone={monitorTone(m.state)} word={sayMonitorState(m.state)} />,
  },
  { header: 'In words', cell: (m) => <span className="dim">{m.summary}</span> },
  {
    header: 'Endpoint',
    cell: (m) => (
      <Link className="link" href={`/endpoints/${m.spec.endpoint}`}>
        {m.spec.endpoint}
      </Link>
    ),
  },
  { header: 'Window', isRight: true, cell: (m) => sayWindow(m.spec.window) },
  {
    header: 'Reference rows',
    isRight: true,
    cell: (m) => (m.referenceRows === null ? NOTHING : formatCount(m.referenceRows)),
  },
  { header: 'Evaluated', cell: (m) => <When at={m.lastEvaluatedAt} none="not yet" /> },
]

export const sayWindow = (window: Monitor['spec']['window']): string =>
  window.kind === 'rows' ? `${formatCount(window.rows)} rows` : formatDuration(window.ms)

export function MonitoringPage() {
  const monitors = useRead(['monitors'], (client) => client.monitoring.listMonitors(), {
    everyMs: 15_000,
  })
  const alerts = useRead(['alerts'], (client) => client.monitoring.listAlerts({ limit: 50 }), {
    everyMs: 15_000,
  })
  return (
    <Page
      title="Monitoring"
      says="A monitor compares what an endpoint gets and answers now with a reference, and raises an alert when the difference is real and large."
    >
      <Loaded reading={alerts}>
        {({ items }) => (
          <Panel
            title="Alerts"
            says={sayOpen(items.filter((a) => a.state === 'firing').length)}
            isFlush
          >
            {items.length === 0 ? (
              <Empty icon={IconBellOff} title="No alerts">
                An alert opens when a monitor finds drift in several windows in a row, and closes by
                itself.
              </Empty>
            ) : (
              <AlertsTable alerts={items} />
            )}
          </Panel>
        )}
      </Loaded>
      <Loaded reading={monitors}>
        {({ items }) => (
          <Panel title="Monitors" isFlush>
            {items.length === 0 ? (
              <Empty icon={IconActivity} title="Nothing is watched yet" command={CREATE}>
                Make a monitor: it takes the first rows as reference and looks at every window after
                them.
              </Empty>
            ) : (
              <DataTable
                label="Monitors"
                columns={COLUMNS}
                rows={items}
                keyOf={(m) => m.spec.name}
              />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}

const sayOpen = (open: number): string =>
  open === 0 ? 'None is open.' : open === 1 ? 'One is open.' : `${open} are open.`
