import type { Fleet } from '../fleet.ts'
import type { Backend } from './backend.ts'

const TIMEOUT_MS = 3_000

/** Asks the backends that say where: whether they are well, and how many calls wait inside of them. */
export async function watchBackends(fleet: Fleet): Promise<void> {
  const asked: Promise<void>[] = []
  for (const { variants } of fleet.all())
    for (const { llm } of variants.values())
      for (const { backend } of llm?.pool.slots ?? []) {
        if (backend.healthPath !== null)
          asked.push(
            isWell(backend, backend.healthPath).then((isHealthy) =>
              llm?.pool.report(backend.name, { isHealthy })
            )
          )
        if (backend.metricsPath !== null)
          asked.push(
            queueOf(backend, backend.metricsPath).then((queued) =>
              llm?.pool.report(backend.name, { queued })
            )
          )
      }
  await Promise.all(asked)
}

async function isWell(backend: Backend, path: string): Promise<boolean> {
  try {
    const response = await fetch(new URL(path, backend.url), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}

async function queueOf(backend: Backend, path: string): Promise<number | null> {
  try {
    const response = await fetch(new URL(path, backend.url), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return readQueue(await response.text())
  } catch {
    return null
  }
}

/** Calls that wait or run, as vLLM's `/metrics` tells (docs.vllm.ai, "Production Metrics"); null when it does not. */
export function readQueue(metrics: string): number | null {
  let calls: number | null = null
  for (const match of metrics.matchAll(
    /^vllm:num_requests_(?:waiting|running)(?:\{[^}]*\})?\s+([0-9.eE+]+)$/gm
  ))
    calls = (calls ?? 0) + Number(match[1])
  return calls
}
