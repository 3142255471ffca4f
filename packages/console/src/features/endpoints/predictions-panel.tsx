import { IconList } from '@tabler/icons-react'
import type { Prediction } from '@trestle/contract'
import { DataTable, Figure, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord, Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatNumber, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

const sayValues = (values: Prediction['inputs']): string =>
  Object.entries(values)
    .map(
      ([name, value]) =>
        `${name} ${typeof value === 'number' ? formatNumber(value) : String(value)}`
    )
    .join(', ')

const COLUMNS: readonly Column<Prediction>[] = [
  { header: 'When', cell: (p) => <When at={p.at} /> },
  {
    header: 'Variant',
    cell: (p) => (
      <>
        {p.variant} {p.role === 'shadow' ? <Tag>shadow</Tag> : null}
      </>
    ),
  },
  {
    header: 'Outcome',
    cell: (p) => <StatusWord tone={p.status === 'ok' ? 'ok' : 'bad'} word={p.status} />,
  },
  {
    header: 'Inputs',
    cell: (p) => (
      <span
        className="dim"
        title={sayValues(p.inputs)}
        style={{
          display: 'block',
          maxWidth: 340,
          overflow: 'hidden',
          textOverflow: 'ellipsis',
          whiteSpace: 'nowrap',
        }}
      >
        {sayValues(p.inputs)}
      </span>
    ),
  },
  { header: 'Output', cell: (p) => <span className="num">{sayValues(p.outputs)}</span> },
  {
    header: 'Label',
    isRight: true,
    cell: (p) => (p.label === null ? NOTHING : String(p.label.value)),
  },
  {
    header: 'Latency',
    isRight: true,
    cell: (p) => <Figure value={formatNumber(Number(p.latencyMs.toPrecision(3)))} unit="ms" />,
  },
]

/** The newest predictions, as the inference log keeps them. */
export function PredictionsPanel({ endpoint }: { endpoint: string }) {
  const predictions = useRead(
    ['predictions', endpoint],
    (client) => client.monitoring.listPredictions({ endpoint, limit: 50 }),
    { everyMs: 10_000 }
  )
  return (
    <Loaded reading={predictions} lines={8}>
      {({ items }) => (
        <Panel
          title="Predictions"
          says="The newest fifty, as the inference log keeps them."
          isFlush
        >
          {items.length === 0 ? (
            <Empty icon={IconList} title="No predictions yet">
              Every answer of this endpoint is kept here with its inputs, its variant and its time.
            </Empty>
          ) : (
            <DataTable
              label="Predictions"
              columns={COLUMNS}
              rows={items}
              keyOf={(p) => p.predictionId}
            />
          )}
        </Panel>
      )}
    </Loaded>
  )
}
