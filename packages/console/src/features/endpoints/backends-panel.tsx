import type { BackendStats } from '@trestle/contract'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { formatCount, formatNumber, formatShare, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

type Row = BackendStats & Readonly<{ variant: string }>

/** The model servers behind an LLM: how they fare, and how busy they say that they are. Nothing where there are none. */
export function BackendsPanel({ endpoint }: { endpoint: string }) {
  const stats = useRead(['stats', endpoint], (client) => client.serving.getStats({ endpoint }), {
    everyMs: 5_000,
  })
  const rows = (stats.data?.items ?? []).flatMap(({ variant, backends }) =>
    backends.map((backend): Row => ({ ...backend, variant }))
  )
  if (rows.length === 0) return null
  return (
    <Panel title="Backends" says="Since the server started." isFlush>
      <DataTable
        label="Backends"
        rows={rows}
        keyOf={(row) => `${row.variant}/${row.name}`}
        columns={COLUMNS}
      />
    </Panel>
  )
}

const count = (value: number | null) => (value === null ? NOTHING : formatCount(value))

const COLUMNS: readonly Column<Row>[] = [
  { header: 'Backend', cell: (row) => <b>{row.name}</b> },
  { header: 'Variant', cell: (row) => row.variant },
  {
    header: 'State',
    cell: (row) => (
      <StatusWord tone={row.trouble === null ? 'ok' : 'bad'} word={row.trouble ?? 'well'} />
    ),
  },
  { header: 'Calls', isRight: true, cell: (row) => formatCount(row.calls) },
  { header: 'Failures', isRight: true, cell: (row) => formatCount(row.failures) },
  { header: 'In flight', isRight: true, cell: (row) => formatCount(row.inFlight) },
  {
    header: 'First byte',
    isRight: true,
    cell: (row) =>
      row.firstByteMs === null
        ? NOTHING
        : `${formatNumber(Number(row.firstByteMs.toPrecision(3)))} ms`,
  },
  { header: 'Running there', isRight: true, cell: (row) => count(row.running) },
  { header: 'Waiting there', isRight: true, cell: (row) => count(row.waiting) },
  {
    header: 'KV cache',
    isRight: true,
    cell: (row) => (row.kvCacheUse === null ? NOTHING : formatShare(row.kvCacheUse)),
  },
]
