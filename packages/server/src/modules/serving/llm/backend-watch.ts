import type { Fleet } from '../fleet.ts'
import type { Backend } from './backend.ts'
import type { LocalModels } from './local/local-models.ts'
import { readServerLoad, type ServerLoad } from './server-load.ts'

const TIMEOUT_MS = 3_000

/** Asks the backends that say where: whether they are well, and how busy they are. Models of ours that nobody names any more are ended. */
export async function watchBackends(fleet: Fleet, localModels: LocalModels): Promise<void> {
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
            loadOf(backend, backend.metricsPath).then((load) =>
              llm?.pool.report(backend.name, { load })
            )
          )
      }
  localModels.retain(
    fleet
      .all()
      .flatMap(({ variants }) => [...variants.values()])
      .flatMap(({ llm }) => llm?.pool.slots ?? [])
      .flatMap(({ backend }) => backend.local ?? [])
  )
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

async function loadOf(backend: Backend, path: string): Promise<ServerLoad | null> {
  try {
    const response = await fetch(new URL(path, backend.url), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return readServerLoad(await response.text())
  } catch {
    return null
  }
}
