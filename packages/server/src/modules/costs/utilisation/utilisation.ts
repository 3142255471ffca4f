import type { DeviceUtilisation } from '@trestle/contract'
import { Gauge, type Registry } from 'prom-client'
import type { Clock } from '../../../kernel/clock.ts'
import { hourOf, HOUR_MS } from '../../../kernel/hour.ts'
import { formatMoney } from '../../../kernel/money.ts'
import type { PricedHour } from '../pricing.ts'
import type { DeviceSample, DeviceSampler } from './device-sample.ts'
import type { UtilisationRow, UtilisationStore } from './store.ts'

/** After a longer pause the time between is not known, and counts for nothing. */
const MAX_GAP_MS = 60_000

/** Looks at the devices of this machine, and keeps by the hour how busy they were. */
export function createUtilisation(deps: {
  store: UtilisationStore
  clock: Clock
  samplers: readonly DeviceSampler[]
  metrics: Registry
  /** Told once when a sampler fails, and once when it works again. */
  tell: (failure: string | null) => void
}) {
  const { store, clock } = deps
  let latest: readonly DeviceSample[] = []
  let lookedAt = clock.now()
  const failing = new Set<DeviceSampler>()

  for (const { name, help, read } of GAUGES)
    new Gauge({
      name: `trestle_device_${name}`,
      help,
      labelNames: ['device', 'unit'] as const,
      registers: [deps.metrics],
      collect() {
        this.reset()
        for (const sample of latest) {
          const value = read(sample)
          if (value !== null) this.set({ device: sample.device, unit: sample.unit }, value)
        }
      },
    })

  const sampleAll = async (signal: AbortSignal): Promise<DeviceSample[]> => {
    const seen = await Promise.all(
      deps.samplers.map(async (sampler) => {
        try {
          const samples = await sampler(signal)
          if (failing.delete(sampler)) deps.tell(null)
          return samples
        } catch (error) {
          if (!failing.has(sampler)) deps.tell(String(error))
          failing.add(sampler)
          return []
        }
      })
    )
    return seen.flat()
  }

  return {
    /** How many GPUs were there at the last look. */
    gpus: (): number => latest.filter(({ device }) => device === 'gpu').length,
    async look(signal: AbortSignal): Promise<void> {
      latest = await sampleAll(signal)
      const now = clock.now()
      const elapsedMs = now - lookedAt
      lookedAt = now
      if (elapsedMs > 0 && elapsedMs <= MAX_GAP_MS)
        await store.add(latest.map((sample) => toRow(sample, { now, elapsedMs })))
    },
    /** Each device: what was measured of it, beside what was metered for predictions and what it cost. */
    async report(
      span: { from: number; to: number },
      hours: readonly PricedHour[]
    ): Promise<DeviceUtilisation[]> {
      const rows = await store.read({
        from: hourOf(span.from),
        to: hourOf(span.to - 1) + HOUR_MS,
      })
      const devices = [...new Set([...rows, ...hours].map(({ device }) => device))].toSorted()
      return devices.map((device) =>
        toDevice(
          device,
          rows.filter((row) => row.device === device),
          hours.filter((hour) => hour.device === device)
        )
      )
    },
  }
}
export type Utilisation = ReturnType<typeof createUtilisation>

function toRow(
  { device, unit, name, ...seen }: DeviceSample,
  at: { now: number; elapsedMs: number }
): UtilisationRow {
  const us = seen.busy === null ? 0 : at.elapsedMs * 1_000
  return {
    hour: hourOf(at.now),
    device,
    unit,
    name,
    observed_us: us,
    busy_us: Math.round(us * (seen.busy ?? 0)),
    peak_permille: Math.round((seen.busy ?? 0) * 1_000),
    memory_peak: seen.memoryUsedBytes ?? 0,
    memory_total: seen.memoryTotalBytes ?? 0,
    energy_mj: Math.round((seen.powerWatts ?? 0) * at.elapsedMs),
  }
}

function toDevice(
  device: PricedHour['device'],
  rows: readonly UtilisationRow[],
  hours: readonly PricedHour[]
): DeviceUtilisation {
  const sum = (pick: (hour: PricedHour) => number): number =>
    hours.reduce((total, hour) => total + pick(hour), 0)
  const money = (pick: (hour: PricedHour) => bigint): string | null =>
    hours.length === 0 || hours.some(({ status }) => status === 'unpriced')
      ? null
      : formatMoney(hours.reduce((total, hour) => total + pick(hour), 0n))
  const capacityUs = sum((hour) => hour.capacityUs)
  return {
    device,
    capacitySeconds: capacityUs / 1e6,
    meteredSeconds: sum((hour) => hour.busyUs) / 1e6,
    meteredShare: capacityUs === 0 ? null : sum((hour) => hour.busyUs) / capacityUs,
    billUsd: money((hour) => hour.bill),
    directUsd: money((hour) => hour.direct),
    idleUsd: money((hour) => hour.idle),
    units: [...Map.groupBy(rows, ({ unit }) => unit)].map(([unit, own]) => {
      const total = (pick: (row: UtilisationRow) => number): number =>
        own.reduce((all, row) => all + pick(row), 0)
      const observedUs = total((row) => row.observed_us)
      const memoryTotal = Math.max(...own.map((row) => row.memory_total))
      const energy = total((row) => row.energy_mj)
      return {
        unit,
        name: own.at(-1)?.name ?? '',
        observedSeconds: observedUs / 1e6,
        measuredShare: observedUs === 0 ? null : total((row) => row.busy_us) / observedUs,
        peakShare: observedUs === 0 ? null : Math.max(...own.map((r) => r.peak_permille)) / 1_000,
        memoryPeakBytes: memoryTotal === 0 ? null : Math.max(...own.map((row) => row.memory_peak)),
        memoryTotalBytes: memoryTotal === 0 ? null : memoryTotal,
        energyKwh: energy === 0 ? null : energy / 3.6e9,
      }
    }),
  }
}

const GAUGES: readonly {
  name: string
  help: string
  read: (sample: DeviceSample) => number | null
}[] = [
  {
    name: 'busy_ratio',
    help: 'Share of the time in which the device worked, as its driver tells.',
    read: (sample) => sample.busy,
  },
  {
    name: 'memory_used_bytes',
    help: 'Memory of the device in use.',
    read: (sample) => sample.memoryUsedBytes,
  },
  {
    name: 'power_watts',
    help: 'Power that the device draws.',
    read: (sample) => sample.powerWatts,
  },
]
