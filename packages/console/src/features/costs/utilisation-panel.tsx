import type { DeviceUtilisation } from '@trestle/contract'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Panel } from '../../components/page.tsx'
import { formatBytes, formatShare, formatUsd, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

type Unit = DeviceUtilisation['units'][number]
type Row = Readonly<{ device: DeviceUtilisation; unit: Unit | null }>

/** How busy the devices were, as their drivers tell, beside what predictions own of their time. */
export function UtilisationPanel({ from }: { from: number }) {
  const report = useRead(
    ['costs', 'utilisation', from],
    (client) => client.costs.getUtilisation({ from }),
    { everyMs: 30_000 }
  )
  const rows = (report.data?.devices ?? []).flatMap((device): Row[] =>
    device.units.length === 0
      ? [{ device, unit: null }]
      : device.units.map((unit) => ({ device, unit }))
  )
  if (rows.length === 0) return null
  return (
    <Panel
      title="Devices"
      says="Busy: the share of the time in which it worked, as its driver tells. Predictions: the share that they own and pay for."
      isFlush
    >
      <DataTable
        label="Devices"
        rows={rows}
        keyOf={({ device, unit }) => `${device.device}/${unit?.unit ?? ''}`}
        columns={COLUMNS}
      />
    </Panel>
  )
}

const share = (value: number | null | undefined) => (value == null ? NOTHING : formatShare(value))
const money = (value: string | null) => (value === null ? NOTHING : formatUsd(value))

const COLUMNS: readonly Column<Row>[] = [
  {
    header: 'Device',
    cell: ({ device, unit }) => (
      <>
        <b>{device.device}</b> <span className="dim">{unit?.name}</span>
      </>
    ),
  },
  { header: 'Busy', isRight: true, cell: ({ unit }) => share(unit?.measuredShare) },
  { header: 'Peak', isRight: true, cell: ({ unit }) => share(unit?.peakShare) },
  { header: 'Predictions', isRight: true, cell: ({ device }) => share(device.meteredShare) },
  { header: 'Bill', isRight: true, cell: ({ device }) => money(device.billUsd) },
  { header: 'Idle', isRight: true, cell: ({ device }) => money(device.idleUsd) },
  {
    header: 'Memory, peak',
    isRight: true,
    cell: ({ unit }) =>
      unit?.memoryPeakBytes == null ? NOTHING : formatBytes(unit.memoryPeakBytes),
  },
]
