import { DataTable } from '../../components/data-table.tsx'
import { Panel } from '../../components/page.tsx'
import { When } from '../../components/when.tsx'
import { formatCount } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

/** Who read a view online lately; nothing when nobody did. */
export function UsagePanel({ view }: { view: string }) {
  const usage = useRead(['feature-usage', view], (client) =>
    client.features.viewUsage({ name: view })
  )
  const items = usage.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Panel title="Read online" says="In the last 30 days." isFlush>
      <DataTable
        label="Read online"
        rows={items}
        keyOf={(r) => r.service ?? ''}
        columns={[
          { header: 'By', cell: (r) => <b>{r.service ?? 'single features'}</b> },
          { header: 'Entity rows', isRight: true, cell: (r) => formatCount(r.reads) },
          { header: 'Features', cell: (r) => r.features.map((f) => f.name).join(', ') },
          { header: 'Last', cell: (r) => <When at={r.lastReadAt} none="never" /> },
        ]}
      />
    </Panel>
  )
}
