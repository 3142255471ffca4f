import type { FeatureStatistics } from '@trestle/contract'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/page.tsx'
import { formatCount, formatNumber, formatShare, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

/** A distribution small enough for a table's cell. */
function Spark({ bins }: { bins: FeatureStatistics['bins'] }) {
  const most = Math.max(1, ...bins.map((bin) => bin.rows))
  const width = 6
  return (
    <svg
      width={bins.length * width}
      height={26}
      role="img"
      aria-label={bins.map((bin) => `${bin.label}: ${bin.rows}`).join(', ')}
    >
      {bins.map((bin, i) => {
        const height = Math.max(bin.rows === 0 ? 0 : 1, (bin.rows / most) * 24)
        return (
          <rect
            key={i}
            x={i * width}
            y={25 - height}
            width={width - 1}
            height={height}
            fill="var(--series-1)"
          >
            <title>{`${bin.label}: ${formatCount(bin.rows)}`}</title>
          </rect>
        )
      })}
    </svg>
  )
}

const figure = (value: number | null): string => (value === null ? NOTHING : formatNumber(value))

const COLUMNS: readonly Column<FeatureStatistics>[] = [
  { header: 'Feature', cell: (f) => <b>{f.name}</b> },
  { header: 'Distribution', width: 140, cell: (f) => <Spark bins={f.bins} /> },
  {
    header: 'Missing',
    isRight: true,
    cell: (f) => (f.rows === 0 ? NOTHING : formatShare(f.nulls / f.rows)),
  },
  { header: 'Distinct', isRight: true, cell: (f) => formatCount(f.distinct) },
  { header: 'Mean', isRight: true, cell: (f) => figure(f.mean) },
  { header: '5 %', isRight: true, cell: (f) => figure(f.p5) },
  { header: 'Median', isRight: true, cell: (f) => figure(f.median) },
  { header: '95 %', isRight: true, cell: (f) => figure(f.p95) },
]

/** What the values of a view look like. */
export function StatisticsPanel({ view }: { view: string }) {
  const statistics = useRead(['feature-statistics', view], (client) =>
    client.features.viewStatistics({ name: view })
  )
  return (
    <Loaded reading={statistics} lines={4}>
      {({ rows, sampled, features }) =>
        rows === 0 ? null : (
          <Panel
            title="Values"
            says={
              sampled < rows
                ? `Over the newest ${formatCount(sampled)} of ${formatCount(rows)} rows for training.`
                : `Over all ${formatCount(rows)} rows for training.`
            }
            isFlush
          >
            <DataTable label="Values" rows={features} keyOf={(f) => f.name} columns={COLUMNS} />
          </Panel>
        )
      }
    </Loaded>
  )
}
