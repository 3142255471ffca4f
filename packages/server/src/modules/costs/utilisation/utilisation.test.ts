import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { HOUR_MS } from '../../../kernel/hour.ts'
import { costMigrations } from '../index.ts'
import { priceHours } from '../pricing.ts'
import { createCpuSampler } from './cpu-sampler.ts'
import { readDcgm } from './dcgm.ts'
import { gpuSamplers } from './gpu-samplers.ts'
import { readNvidiaSmi } from './nvidia-smi.ts'
import { createUtilisationStore } from './store.ts'
import { createUtilisation } from './utilisation.ts'

const MIB = 1024 * 1024

test('nvidia-smi: what a GPU does not tell is not told, and never taken for idle', () => {
  // The forms of `--format=csv,noheader,nounits` (its manual, "--query-gpu"): a data centre GPU, one with MIG, a small one without a power meter, one that fell off the bus.
  const seen =
    readNvidiaSmi(`GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52, NVIDIA H100 80GB HBM3, 87, 61234, 81559, 512.34
GPU-7fdaf0a5-179b-f636-d15d-daf243e3ff16, NVIDIA A100-SXM4-80GB, [N/A], 36537, 81920, 87.00
GPU-b1cc1b7b-0000-4f5c-9f5e-000000000000, NVIDIA GeForce MX150, 3, 12, 2002, [Not Supported]
GPU-dead, NVIDIA T4, [Unknown Error], [Unknown Error], [Unknown Error], [Unknown Error]
Unable to determine the device handle for GPU 0000:04:00.0: GPU is lost.  Reboot the system to recover this GPU
`)
  expect(seen.map(({ busy }) => busy)).toEqual([0.87, null, 0.03, null])
  expect(seen.map(({ powerWatts }) => powerWatts)).toEqual([512.34, 87, null, null])
  expect(seen[0]).toMatchObject({
    unit: 'GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52',
    name: 'NVIDIA H100 80GB HBM3',
    memoryUsedBytes: 61_234 * MIB,
    memoryTotalBytes: 81_559 * MIB,
  })
  expect(seen[3]?.memoryTotalBytes).toBeNull()
})

const UUID = 'GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52'
const DCGM = `# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="${UUID}",device="nvidia0",modelName="NVIDIA T4",Hostname="n",container="",namespace="",pod=""} 40
DCGM_FI_DEV_FB_FREE{gpu="0",UUID="${UUID}",device="nvidia0",modelName="NVIDIA T4",Hostname="n"} 10000
DCGM_FI_DEV_FB_USED{gpu="0",UUID="${UUID}",device="nvidia0",modelName="NVIDIA T4",Hostname="n"} 5000
DCGM_FI_DEV_MEMORY_TEMP{gpu="0", UUID="${UUID}"} 9223372036854775794
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="${UUID}",modelName="NVIDIA T4"} 9223372036854775794
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-2",modelName="NVIDIA A100",GPU_I_PROFILE="3g.20gb",GPU_I_ID="1"} 0
DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="1",UUID="GPU-2",modelName="NVIDIA A100",GPU_I_PROFILE="3g.20gb",GPU_I_ID="1",pod="a"} 0.75
DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="1",UUID="GPU-2",modelName="NVIDIA A100",GPU_I_PROFILE="3g.20gb",GPU_I_ID="2",pod="b"} 0.250000
`

test('DCGM: a slice of a GPU is a unit, its engine says more than its utilisation, and blanks are no numbers', () => {
  expect(readDcgm(DCGM)).toEqual([
    {
      device: 'gpu',
      unit: UUID,
      name: 'NVIDIA T4',
      busy: 0.4,
      memoryUsedBytes: 5_000 * MIB,
      memoryTotalBytes: 15_000 * MIB,
      powerWatts: null,
    },
    expect.objectContaining({ unit: 'GPU-2/1', name: 'NVIDIA A100 3g.20gb', busy: 0.75 }),
    expect.objectContaining({ unit: 'GPU-2/2', busy: 0.25, memoryTotalBytes: null }),
  ])
})

test('the CPU is as busy as the process made it, over all that it may use', async () => {
  let at = 0
  let used = { user: 0, system: 0 }
  const sample = createCpuSampler({
    cpus: 4,
    now: () => at,
    cpuUsage: () => used,
    memory: () => ({ used: 1, total: 2 }),
  })
  at = 1_000
  used = { user: 900_000, system: 100_000 }
  const signal = new AbortController().signal
  expect((await sample(signal))[0]?.busy).toBe(0.25)
  at = 2_000
  expect((await sample(signal))[0]?.busy).toBe(0)
})

onEveryDatabase([costMigrations], (database) => {
  const START = 1_795_459_200_000 - (1_795_459_200_000 % HOUR_MS)
  const open = (gpu: Parameters<typeof gpuSamplers>[0]) => {
    const clock = createManualClock(START)
    const metrics = new Registry()
    const told: (string | null)[] = []
    const utilisation = createUtilisation({
      store: createUtilisationStore(database()),
      clock,
      samplers: gpuSamplers(gpu),
      metrics,
      tell: (failure) => void told.push(failure),
    })
    const look = async (afterMs: number): Promise<void> => {
      clock.advance(afterMs)
      await utilisation.look(new AbortController().signal)
    }
    const report = async () =>
      utilisation.report(
        { from: START, to: START + HOUR_MS },
        priceHours([], [{ hour: START, device: 'gpu', available_us: 3.6e9 }], [])
      )
    return { look, report, metrics, told, utilisation }
  }

  test('what the tool tells is kept by the hour; time in which it told nothing counts for nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trestle-smi-'))
    const tool = join(folder, 'nvidia-smi')
    const says = async (...lines: string[]): Promise<void> => {
      await writeFile(
        tool,
        `#!/bin/sh\ncase "$1" in --query-gpu=uuid,*) ;; *) exit 2;; esac\n${lines.map((line) => `echo '${line}'`).join('\n')}\n`
      )
      await chmod(tool, 0o755)
    }
    await says('GPU-a, NVIDIA H100, 50, 1000, 80000, 360')
    const { look, report, metrics, told, utilisation } = open({
      kind: 'nvidia-smi',
      path: `/nowhere:${folder}`,
    })
    await look(10_000)
    await says('GPU-a, NVIDIA H100, 100, 3000, 80000, 720')
    await look(10_000)
    await says('GPU-a, NVIDIA H100, [N/A], 2000, 80000, [N/A]')
    await look(10_000)
    expect(utilisation.gpus()).toBe(1)
    expect(await metrics.metrics()).toContain(
      'trestle_device_memory_used_bytes{device="gpu",unit="GPU-a"} 2097152000'
    )
    expect(await metrics.metrics()).not.toContain('trestle_device_busy_ratio{')
    await says('exit')
    await writeFile(tool, '#!/bin/sh\necho "Failed to initialize NVML" >&2\nexit 255\n')
    await look(10_000)
    await look(10_000)
    await rm(folder, { recursive: true })

    expect(told).toHaveLength(1)
    const [gpu] = await report()
    // A card of the hour is missing: the capacity is known, its price is not.
    expect(gpu).toMatchObject({
      device: 'gpu',
      capacitySeconds: 3_600,
      meteredShare: 0,
      billUsd: null,
    })
    expect(gpu?.units).toEqual([
      {
        unit: 'GPU-a',
        name: 'NVIDIA H100',
        observedSeconds: 20,
        measuredShare: 0.75,
        peakShare: 1,
        memoryPeakBytes: 3_000 * MIB,
        memoryTotalBytes: 80_000 * MIB,
        energyKwh: (360 * 10 + 720 * 10) / 3.6e6,
      },
    ])
  })

  test('DCGM is asked over HTTP, and a long silence is no utilisation', async () => {
    const server = createServer((_request, response) => response.end(DCGM))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { look, report } = open({ kind: 'dcgm', urls: [`http://127.0.0.1:${port}/metrics`] })
    await look(15_000)
    await look(600_000)
    server.closeAllConnections()
    server.close()
    const units = (await report())[0]?.units.filter(({ unit }) => unit !== 'GPU-a')
    expect(
      units?.map(({ unit, observedSeconds, measuredShare }) => [
        unit,
        observedSeconds,
        measuredShare,
      ])
    ).toEqual([
      ['GPU-2/1', 15, 0.75],
      ['GPU-2/2', 15, 0.25],
      [UUID, 15, 0.4],
    ])
  })
})
