import type { Consistency, ConsistencyExample } from '@trestle/contract'
import { Link } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, formatShare } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

const SAYS = 'Sampled online reads, joined again offline at their instants.'

const shareOf = (part: number, whole: number): string =>
  whole === 0 ? '–' : part === whole ? '100 %' : formatShare(Math.min(part / whole, 0.9999))

function Verdict({ counts }: { counts: Consistency }) {
  return counts.asKnown === counts.values ? (
    <StatusWord tone="ok" word="same as training" />
  ) : (
    <StatusWord tone="bad" word={`${formatCount(counts.values - counts.asKnown)} differ`} />
  )
}

const COLUMNS: readonly Column<Consistency>[] = [
  { header: 'Values checked', isRight: true, cell: (c) => formatCount(c.values) },
  { header: 'As known then', isRight: true, cell: (c) => shareOf(c.asKnown, c.values) },
  { header: 'As corrected since', isRight: true, cell: (c) => shareOf(c.asCorrected, c.values) },
  { header: 'Last read', cell: (c) => <When at={c.lastReadAt} none="never" /> },
  { header: '', cell: (c) => <Verdict counts={c} /> },
]

/** Every view whose reads were checked lately; nothing when none was. */
export function ConsistencySummary() {
  const report = useRead(['feature-consistency'], (client) => client.features.consistency({}), {
    everyMs: 30_000,
  })
  const items = report.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Panel title="Served as trained" says={SAYS} isFlush>
      <DataTable
        label="Served as trained"
        rows={items}
        keyOf={(c) => `${c.view}@${c.version}`}
        columns={[
          {
            header: 'Feature view',
            cell: (c) => (
              <Link className="link" href={`/features/${c.view}`}>
                {c.view} v{c.version}
              </Link>
            ),
          },
          ...COLUMNS,
        ]}
      />
    </Panel>
  )
}

const EXAMPLES: readonly Column<ConsistencyExample>[] = [
  { header: 'Feature', cell: (e) => <b>{e.feature}</b> },
  {
    header: 'Of',
    cell: (e) =>
      Object.entries(e.keys)
        .map(([key, value]) => `${key} ${String(value)}`)
        .join(', '),
  },
  { header: 'Read', cell: (e) => <When at={e.at} none="" /> },
  { header: 'Served', isRight: true, cell: (e) => String(e.served ?? 'null') },
  { header: 'Known then', isRight: true, cell: (e) => String(e.known ?? 'null') },
  { header: 'Corrected since', isRight: true, cell: (e) => String(e.corrected ?? 'null') },
  {
    header: 'Why',
    cell: (e) =>
      e.cause === null ? (
        <span className="dim">came late</span>
      ) : (
        <StatusWord tone="bad" word={e.cause} />
      ),
  },
]

/** What was checked of one view, with examples of values that differ. */
export function ConsistencyPanel({ view }: { view: string }) {
  const report = useRead(
    ['feature-consistency', view],
    (client) => client.features.consistency({ view }),
    { everyMs: 30_000 }
  )
  const items = report.data?.items ?? []
  const examples = items.flatMap((c) => c.examples)
  return (
    <Panel title="Served as trained" says={SAYS} isFlush>
      {items.length === 0 ? (
        <p className="dim" style={{ padding: '0 16px' }}>
          No online read of this view was checked in the last 24 hours.
        </p>
      ) : (
        <DataTable
          label="Served as trained"
          rows={items}
          keyOf={(c) => `${c.version}`}
          columns={[{ header: 'Version', cell: (c) => `v${c.version}` }, ...COLUMNS]}
        />
      )}
      {examples.length === 0 ? null : (
        <DataTable
          label="Values that differ"
          rows={examples}
          keyOf={(e) => `${e.feature} ${JSON.stringify(e.keys)} ${e.at}`}
          columns={EXAMPLES}
        />
      )}
    </Panel>
  )
}
