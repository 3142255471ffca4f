import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const entry = z.object({
  version: z.coerce.string(),
  mae_train: z.number(),
  mae_by_month: z.record(z.string(), z.number()),
})
const report = z.object({
  rows: z.int(),
  models: z.object({ forest: entry, trees: entry }),
})
/** What `train.py` registered, and how it judged it offline. */
export type Training = z.infer<typeof report>

/** Runs `train.py`, which logs to `url` with the mlflow client, and returns the report in its last line. */
export async function train(
  url: string,
  run: { python: string; csv: string; until?: string }
): Promise<Training> {
  const script = fileURLToPath(new URL('../train.py', import.meta.url))
  const until = run.until === undefined ? [] : ['--train-until', run.until]
  const child = spawn(run.python, [script, run.csv, ...until], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, MLFLOW_TRACKING_URI: url, PYTHONWARNINGS: 'ignore' },
  })
  const [output, complaints] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exitCode === null ? once(child, 'close') : undefined,
  ])
  if (child.exitCode !== 0) throw new Error(`train.py failed:\n${complaints.slice(-4_000)}`)
  return report.parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''))
}
