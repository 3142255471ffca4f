import type { Alert } from '@trestle/contract'
import { Link } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { StatusWord, Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'

const COLUMNS: readonly Column<Alert>[] = [
  {
    header: 'State',
    width: 110,
    cell: (a) => (
      <StatusWord
        tone={a.state === 'firing' ? 'bad' : 'ok'}
        word={a.state}
        isLive={a.state === 'firing'}
      />
    ),
  },
  {
    header: 'Alert',
    cell: (a) => (
      <>
        {a.reportId === null ? (
          <b>{a.title}</b>
        ) : (
          <Link className="link" href={`/monitoring/reports/${a.reportId}`}>
            {a.title}
          </Link>
        )}{' '}
        {a.severity === 'page' ? <Tag tone="bad">page</Tag> : null}{' '}
        {a.isSilenced ? <Tag tone="idle">silenced</Tag> : null}
        <div className="faint">{a.summary}</div>
        {a.actions.map((action) => (
          <div key={action.do} className="faint">
            {action.do}, {action.state}
            {action.outcome === null ? '' : `: ${action.outcome}`}
          </div>
        ))}
      </>
    ),
  },
  {
    header: 'Endpoint',
    cell: (a) => (
      <Link className="link" href={`/endpoints/${a.endpoint}`}>
        {a.endpoint}
      </Link>
    ),
  },
  { header: 'Since', cell: (a) => <When at={a.startsAt} /> },
  { header: 'Ended', cell: (a) => <When at={a.endsAt} /> },
]

export const AlertsTable = ({ alerts }: { alerts: readonly Alert[] }) => (
  <DataTable label="Alerts" columns={COLUMNS} rows={alerts} keyOf={(a) => a.id} />
)
