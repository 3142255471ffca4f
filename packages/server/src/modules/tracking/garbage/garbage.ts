import type { Clock } from '../../../kernel/clock.ts'
import type { BlobStore, Digest } from '../../../platform/blobs/index.ts'
import type { Keeper } from './keeper.ts'
import type { Deleted, Purge } from './purge.ts'

/** What is being uploaded is on disk before a record refers to it, so no blob is collected younger than this. */
const UPLOAD_MS = 24 * 3_600_000
const PAGE = 500

export type Collected = Readonly<{
  runs: number
  loggedModels: number
  experiments: number
  blobs: number
  bytes: number
}>

export interface Garbage {
  /** Counts a keeper in from now on. */
  add(keeper: Keeper): void
  /** Whether a keeper keeps something in a project. */
  holds(project: string): Promise<boolean>
  /**
   * Removes for good what was deleted before `before`, then every blob that no keeper uses. Runs and logged models that a registered version came from stay.
   * A dry run removes nothing and counts what could go now: blobs of what is yet to be removed not among it.
   */
  collect(asked: { before: number; isDryRun: boolean }): Promise<Collected>
}

export function createGarbage(deps: { purge: Purge; blobs: BlobStore; clock: Clock }): Garbage {
  const { purge, blobs, clock } = deps
  const keepers: Keeper[] = []

  /** Those that no keeper names. */
  const unused = async <T>(
    things: readonly T[],
    ask: (keeper: Keeper, keys: readonly string[]) => Promise<readonly string[]>,
    key: (thing: T) => string
  ): Promise<readonly T[]> => {
    const used = new Set(
      (await Promise.all(keepers.map((keeper) => ask(keeper, things.map(key))))).flat()
    )
    return things.filter((thing) => !used.has(key(thing)))
  }

  const purgeAll = async (
    page: (after: string) => Promise<readonly Deleted[]>,
    remove: (one: Deleted) => Promise<boolean>
  ): Promise<number> => {
    let count = 0
    for (let after = ''; ;) {
      const found = await page(after)
      const free = await unused(
        found,
        (keeper, ids) => keeper.sourcesOf(ids),
        (one) => one.id
      )
      for (const one of free) if (await remove(one)) count++
      const last = found.at(-1)
      if (last === undefined || found.length < PAGE) return count
      after = last.id
    }
  }

  const sweep = async (isDryRun: boolean): Promise<{ blobs: number; bytes: number }> => {
    const before = clock.now() - UPLOAD_MS
    const removed = { blobs: 0, bytes: 0 }
    type Found = { digest: Digest; size: number }
    const settle = async (page: readonly Found[]): Promise<void> => {
      const free = await unused(
        page,
        (keeper, digests) => keeper.blobsOf(digests),
        (blob) => blob.digest
      )
      for (const { digest, size } of free) {
        if (!isDryRun && !(await blobs.removeUnlessPut(digest, before))) continue
        removed.blobs++
        removed.bytes += size
      }
    }
    let page: Found[] = []
    for await (const blob of blobs.list()) {
      if (blob.putAt >= before) continue
      page.push(blob)
      if (page.length < PAGE) continue
      await settle(page)
      page = []
    }
    await settle(page)
    return removed
  }

  return {
    add: (keeper) => void keepers.push(keeper),
    holds: async (project) =>
      (await Promise.all(keepers.map((keeper) => keeper.holds(project)))).includes(true),
    async collect({ before, isDryRun }) {
      const all = async (): Promise<boolean> => true
      const runs = await purgeAll(
        (after) => purge.runs(before, after, PAGE),
        isDryRun ? all : (run) => purge.removeRun(run)
      )
      const loggedModels = await purgeAll(
        (after) => purge.loggedModels(before, after, PAGE),
        isDryRun ? all : (model) => purge.removeLoggedModel(model)
      )
      const experiments = await purge.emptyExperiments(before)
      if (!isDryRun) {
        for (const experiment of experiments) await purge.removeExperiment(experiment)
        await purge.removeUploads(clock.now() - UPLOAD_MS)
        for (const keeper of keepers) await keeper.forget(before)
      }
      return { runs, loggedModels, experiments: experiments.length, ...(await sweep(isDryRun)) }
    },
  }
}
