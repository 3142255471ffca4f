import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { dcgmExporter } from './dcgm.ts'
import type { DeviceSampler } from './device-sample.ts'
import { nvidiaSmi } from './nvidia-smi.ts'

/** How GPUs are looked at: by DCGM exporters at these addresses, or by `nvidia-smi` in one of these folders. */
export type GpuMetrics =
  | Readonly<{ kind: 'dcgm'; urls: readonly string[] }>
  | Readonly<{ kind: 'nvidia-smi'; path: string }>
  | Readonly<{ kind: 'off' }>

/** A machine without the tool has no GPU that it could tell of. */
export function gpuSamplers(how: GpuMetrics): readonly DeviceSampler[] {
  switch (how.kind) {
    case 'off':
      return []
    case 'dcgm':
      return how.urls.map(dcgmExporter)
    case 'nvidia-smi':
      return how.path.split(delimiter).flatMap(toolIn).slice(0, 1).map(nvidiaSmi)
  }
}

function toolIn(folder: string): string[] {
  const tool = join(folder, 'nvidia-smi')
  try {
    accessSync(tool, constants.X_OK)
    return [tool]
  } catch {
    return []
  }
}
