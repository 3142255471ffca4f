import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { proveConsistency } from '../support/consistency-proof.ts'

test(
  'every value served from a stream with lateness and duplicates is the as-known join at its instant, though writer and server are killed',
  { timeout: 120_000 },
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'trestle-stream-'))
    const proof = await proveConsistency({ dataDir, events: 4_000, batch: 100 })
    expect(proof.differing).toEqual([])
    expect(proof.kills).toEqual({ writer: 1, server: 1 })
    expect(proof.reads).toBeGreaterThan(100)
    await rm(dataDir, { recursive: true, force: true })
  }
)
