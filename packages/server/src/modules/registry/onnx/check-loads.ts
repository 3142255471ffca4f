import type { VersionFile } from '../model-version.ts'

/** Larger models are only read, not loaded: loading holds the process, and serving loads them anyway before they get traffic. */
const MAX_LOADED_BYTES = 32 * 1024 * 1024

/** Faults of this runtime rather than of the model: another runtime may still serve it. */
const NOT_OURS_TO_RUN =
  /not implemented|not a registered|unsupported (model )?(ir version|opset)|opset \d+ is under development|is not a registered function|no opset import for domain/i

/** Loads a small model into the inference library and lets go of it. Throws, with the library's reason, when the graph is not sound. */
export async function checkLoads(
  files: readonly VersionFile[],
  locate: () => Promise<string>
): Promise<void> {
  const total = files.reduce((sum, file) => sum + file.size, 0)
  if (total > MAX_LOADED_BYTES) return
  const { InferenceSession } = await import('onnxruntime-node')
  try {
    const session = await InferenceSession.create(await locate(), { logSeverityLevel: 4 })
    await session.release()
  } catch (error) {
    if (error instanceof Error && NOT_OURS_TO_RUN.test(error.message)) return
    throw error
  }
}
