import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pythonWith } from '../../conformance/lib/python.ts'

const run = promisify(execFile)
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** The interpreter with the Feast that the conformance run uses. */
export const feastPython = (): Promise<string> =>
  pythonWith(pathOf('../../conformance/feast/requirements.txt'))

/** Runs one command of feast_side.py and returns what it measured. */
export async function feastSide(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {}
): Promise<Record<string, number>> {
  const { stdout } = await run(await feastPython(), [pathOf('feast_side.py'), ...args], {
    env: { ...process.env, ...env },
    maxBuffer: 1 << 26,
  })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, number>
}
