import { shareOf, type DeviceSampler } from './device-sample.ts'

/** This process, with all its threads, over the CPUs that it may use, since it was looked at last. */
export function createCpuSampler(deps: {
  cpus: number
  now: () => number
  cpuUsage: () => { user: number; system: number }
  memory: () => { used: number; total: number }
}): DeviceSampler {
  let before = { at: deps.now(), used: deps.cpuUsage() }
  return async () => {
    const at = deps.now()
    const used = deps.cpuUsage()
    const elapsedUs = (at - before.at) * 1_000 * deps.cpus
    const workedUs = used.user + used.system - before.used.user - before.used.system
    before = { at, used }
    const { used: memoryUsedBytes, total: memoryTotalBytes } = deps.memory()
    return [
      {
        device: 'cpu',
        unit: 'process',
        name: `${deps.cpus} vCPU`,
        busy: elapsedUs <= 0 ? null : shareOf(workedUs / elapsedUs),
        memoryUsedBytes,
        memoryTotalBytes,
        powerWatts: null,
      },
    ]
  }
}
