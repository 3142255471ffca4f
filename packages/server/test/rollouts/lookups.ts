import { readFile } from 'node:fs/promises'
import type { TrestleClient } from '@trestle/sdk'
import { fixture } from '../../src/modules/serving/test/fixtures.ts'

/**
 * Three versions of a model that looks a number up: 1 and 2 know all eight indexes, 3 fails on every other half of them. Real files and a real
 * runtime, so that a failure is a failure.
 */
export async function uploadLookups(client: TrestleClient, name = 'lookup'): Promise<void> {
  const wide = await readFile(fixture('lookup_wide'))
  await client.uploadModel(name, wide)
  await client.uploadModel(name, wide)
  await client.uploadModel(name, await readFile(fixture('lookup')))
}

/** Asks for predictions, `atOnce` at a time, until told to stop; every index in turn. Counts what came by variant, and failures by their text. */
export function sendLookups(
  url: string,
  endpoint: string,
  options: { atOnce?: number; pauseMs?: number; indexes?: number } = {}
): { seen: Map<string, number>; stop: () => Promise<void> } {
  const { atOnce = 4, pauseMs = 0, indexes = 8 } = options
  const seen = new Map<string, number>()
  let isOver = false
  let asked = 0
  const caller = async (): Promise<void> => {
    while (!isOver) {
      const response = await fetch(`${url}/endpoints/${endpoint}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ index: asked++ % indexes }),
      }).catch((error: unknown) => error)
      const key = await outcomeOf(response)
      seen.set(key, (seen.get(key) ?? 0) + 1)
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  const callers = Array.from({ length: atOnce }, caller)
  return {
    seen,
    stop: async () => {
      isOver = true
      await Promise.all(callers)
    },
  }
}

async function outcomeOf(response: unknown): Promise<string> {
  if (!(response instanceof Response)) return 'failed: no answer'
  const body = (await response.json()) as { variant?: string; detail?: string; code?: string }
  return response.ok
    ? (body.variant ?? 'failed: no variant')
    : `failed: ${response.status} ${body.code ?? ''}`
}
