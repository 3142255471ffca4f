import { MIB, shareOf, type DeviceSample, type DeviceSampler } from './device-sample.ts'

/** The GPUs of a DCGM exporter (github.com/NVIDIA/dcgm-exporter), by the address of its metrics. */
export const dcgmExporter =
  (url: string): DeviceSampler =>
  async (signal) => {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
    })
    if (!response.ok) throw new Error(`${url} answered ${response.status}`)
    return readDcgm(await response.text())
  }

/** DCGM writes "no value" as a number from here on (dcgm_structs.h, DCGM_INT64_BLANK; its README shows one). */
const BLANK = 2 ** 63 - 1_024

/**
 * Reads its text, by GPU or by slice of one (MIG). `DCGM_FI_PROF_GR_ENGINE_ACTIVE` is exact and the only one that slices have;
 * `DCGM_FI_DEV_GPU_UTIL` stands in where profiling is off.
 */
export function readDcgm(text: string): DeviceSample[] {
  const units = new Map<string, { name: string; values: Map<string, number> }>()
  for (const line of text.split('\n')) {
    const [, metric, labelText = '', number = ''] = LINE.exec(line) ?? []
    const value = Number(number)
    if (metric === undefined || !Number.isFinite(value) || value >= BLANK) continue
    const labels = Object.fromEntries(
      [...labelText.matchAll(LABEL)].map(([, key = '', of = '']) => [key, of])
    )
    const uuid = labels['UUID'] ?? labels['gpu']
    if (uuid === undefined) continue
    const slice = labels['GPU_I_ID'] ?? ''
    const unit = slice === '' ? uuid : `${uuid}/${slice}`
    const profile = labels['GPU_I_PROFILE'] ?? ''
    const model = labels['modelName'] ?? 'GPU'
    const known = units.get(unit) ?? {
      name: profile === '' ? model : `${model} ${profile}`,
      values: new Map<string, number>(),
    }
    units.set(unit, known)
    // Pods that share a GPU repeat its numbers.
    known.values.set(metric, Math.max(value, known.values.get(metric) ?? 0))
  }
  return [...units].map(([unit, { name, values }]): DeviceSample => {
    const of = (metric: string): number | null => values.get(metric) ?? null
    const utilisation = of('DCGM_FI_DEV_GPU_UTIL')
    const [used, free] = [of('DCGM_FI_DEV_FB_USED'), of('DCGM_FI_DEV_FB_FREE')]
    const reserved = of('DCGM_FI_DEV_FB_RESERVED') ?? 0
    return {
      device: 'gpu',
      unit,
      name,
      busy: shareOf(
        of('DCGM_FI_PROF_GR_ENGINE_ACTIVE') ?? (utilisation === null ? null : utilisation / 100)
      ),
      memoryUsedBytes: used === null ? null : used * MIB,
      memoryTotalBytes: used === null || free === null ? null : (used + free + reserved) * MIB,
      powerWatts: of('DCGM_FI_DEV_POWER_USAGE'),
    }
  })
}

const LINE = /^(DCGM_FI_[A-Z0-9_]+)\{([^}]*)\}\s+(\S+)/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g
