import type { VersionFile } from '../model-version.ts'
import type { Feeds } from './example-feeds.ts'
import { probeOnnx } from './probe.ts'

/** Larger models are only read, not loaded: memory for a second copy may not be there, and serving loads them anyway before they get traffic. */
const MAX_LOADED_BYTES = 512 * 1024 * 1024

/** A model that needs longer for one row has not failed, only not been tried. */
const TIMEOUT_MS = 60_000

/** Faults of this runtime rather than of the model: another runtime may still serve it. */
const NOT_OURS_TO_RUN =
  /not implemented|not a registered|unsupported (model )?(ir version|opset)|opset \d+ is under development|is not a registered function|no opset import for domain/i

/**
 * Loads a model into the inference library, runs it once on `example` when there is one, and lets go of it. Throws, with the library's reason,
 * when the graph is not sound or does not take the example.
 */
export async function checkLoads(
  files: readonly VersionFile[],
  model: { locate: () => Promise<string>; example: Feeds | null }
): Promise<void> {
  const total = files.reduce((sum, file) => sum + file.size, 0)
  if (total > MAX_LOADED_BYTES) return
  const result = await probeOnnx(
    { path: await model.locate(), feeds: model.example, timing: null },
    TIMEOUT_MS
  )
  if (result.kind !== 'failed' || NOT_OURS_TO_RUN.test(result.message)) return
  throw new Error(
    result.stage === 'load'
      ? `it does not load: ${result.message}`
      : `it does not run on its input example: ${result.message}`
  )
}
