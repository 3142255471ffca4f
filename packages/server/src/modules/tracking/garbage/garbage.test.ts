import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { createFileBlobStore } from '../../../platform/blobs/index.ts'
import { createArtifactStore } from '../artifacts/artifact-store.ts'
import { createArtifacts } from '../artifacts/artifacts.ts'
import { createExperimentStore } from '../experiments/experiment-store.ts'
import { createExperiments } from '../experiments/experiments.ts'
import { trackingMigrations } from '../migrations/index.ts'
import { createRunStore } from '../runs/run-store.ts'
import { createRuns } from '../runs/runs.ts'
import { createGarbage } from './garbage.ts'
import { createPurge } from './purge.ts'
import { trackingKeeper } from './tracking-keeper.ts'

const DAY = 86_400_000
const project = 'p'

const step = fc.oneof(
  fc.record({ kind: fc.constant('log' as const), run: fc.nat(4), text: fc.nat(3) }),
  fc.record({ kind: fc.constant('delete' as const), run: fc.nat(4) }),
  fc.record({ kind: fc.constant('restore' as const), run: fc.nat(4) }),
  fc.record({ kind: fc.constant('hold' as const), run: fc.nat(4) }),
  fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('collect' as const) })
)

onEveryDatabase([trackingMigrations], (database) => {
  test('whatever happens, what is not long deleted keeps its bytes, and what is goes with all it had', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const root = await mkdtemp(join(tmpdir(), 'garbage-'))
        // Files are dated by the real clock, so the story begins now.
        const clock = createManualClock(Date.now())
        const blobs = createFileBlobStore(root)
        const store = createArtifactStore(database())
        const artifacts = createArtifacts({ store, blobs, clock })
        const experiments = createExperiments({ store: createExperimentStore(database()), clock })
        const runs = createRuns({ store: createRunStore(database()), experiments, clock })
        const garbage = createGarbage({
          purge: createPurge({ database: database(), artifacts: store }),
          blobs,
          clock,
        })
        const held = new Set<string>()
        garbage.add(trackingKeeper(database()))
        garbage.add({
          forget: async () => {},
          holds: async () => false,
          blobsOf: async () => [],
          sourcesOf: async (ids) => ids.filter((id) => held.has(id)),
        })
        const made = await Promise.all(
          Array.from({ length: 5 }, () =>
            runs.create({
              ...{ project, experimentId: '0', userId: '', name: '', tags: [] },
              startTime: clock.now(),
            })
          )
        )
        const state = made.map((run) => ({
          id: run.run_id,
          files: new Map<string, string>(),
          deletedAt: null as number | null,
          isGone: false,
        }))
        const fileOf = (id: string, text: string) => `0/${id}/artifacts/${text}.txt`
        for (const event of steps) {
          const run = 'run' in event ? state[event.run] : undefined
          if (event.kind === 'wait') clock.advance(event.days * DAY)
          else if (event.kind === 'collect') {
            await garbage.collect({ before: clock.now() - 10 * DAY, isDryRun: false })
            for (const one of state)
              if (
                one.deletedAt !== null &&
                one.deletedAt < clock.now() - 10 * DAY &&
                !held.has(one.id)
              )
                one.isGone = true
          } else if (run === undefined || run.isGone) continue
          else if (event.kind === 'log') {
            const text = `text ${event.text}`
            await artifacts.write(project, fileOf(run.id, text), Readable.from([Buffer.from(text)]))
            run.files.set(text, text)
          } else if (event.kind === 'hold') held.add(run.id)
          else {
            await runs.setStage(
              { project, runId: run.id },
              event.kind === 'delete' ? 'deleted' : 'active'
            )
            run.deletedAt = event.kind === 'delete' ? (run.deletedAt ?? clock.now()) : null
          }
        }
        for (const run of state) {
          const found = await runs.get({ project, runId: run.id }).catch(() => null)
          expect(found === null).toBe(run.isGone)
          for (const text of run.files.keys()) {
            const file = await store.find(project, fileOf(run.id, text))
            const bytes = file === undefined ? null : await blobs.localPath(file.digest)
            expect(bytes !== null).toBe(!run.isGone)
          }
        }
        await rm(root, { recursive: true })
      }),
      { numRuns: 40 }
    )
  })
})
