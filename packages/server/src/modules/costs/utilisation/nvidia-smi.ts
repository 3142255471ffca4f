import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { MIB, shareOf, type DeviceSample, type DeviceSampler } from './device-sample.ts'

const run = promisify(execFile)

const FIELDS = ['uuid', 'name', 'utilization.gpu', 'memory.used', 'memory.total', 'power.draw']

/** The GPUs of this machine, as NVIDIA's own tool sees them. */
export const nvidiaSmi =
  (tool: string): DeviceSampler =>
  async (signal) => {
    const { stdout } = await run(
      tool,
      [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'],
      { signal, timeout: 10_000 }
    )
    return readNvidiaSmi(stdout)
  }

/**
 * Reads its CSV without units: per cent, MiB and watts. What a GPU does not tell stands as `[N/A]`, `[Not Supported]` or `[Unknown Error]`; with MIG, that is
 * its utilisation, which then only DCGM knows.
 */
export function readNvidiaSmi(csv: string): DeviceSample[] {
  return csv.split('\n').flatMap((line): DeviceSample[] => {
    const cells = line.split(',').map((cell) => cell.trim())
    const [unit = '', name = ''] = cells
    if (!unit.startsWith('GPU-')) return []
    const [busy, used, total, watts] = cells.slice(2).map(numberOf)
    return [
      {
        device: 'gpu',
        unit,
        name,
        busy: shareOf(percent(busy)),
        memoryUsedBytes: bytes(used),
        memoryTotalBytes: bytes(total),
        powerWatts: watts ?? null,
      },
    ]
  })
}

function numberOf(cell: string): number | null {
  const value = cell === '' ? Number.NaN : Number(cell)
  return Number.isFinite(value) ? value : null
}

const percent = (value: number | null | undefined): number | null =>
  value == null ? null : value / 100
const bytes = (mib: number | null | undefined): number | null => (mib == null ? null : mib * MIB)
