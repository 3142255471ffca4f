import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pythonWith } from '../../conformance/lib/python.ts'

const run = promisify(execFile)
export const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** What a process cost: seconds by the clock, seconds of CPU, and the most memory it held. */
export type Cost = { wall: number; cpu: number; megabytes: number }

/** A command of peer_side.py, in a process of its own. */
export async function peer(
  command: string,
  spec: object
): Promise<{ answer: unknown; cost: Cost }> {
  const python = await pythonWith(pathOf('requirements.txt'))
  return timed([python, pathOf('peer_side.py'), command, JSON.stringify(spec)])
}

/** Runs a program that prints JSON in its last line, under GNU time. */
export async function timed(command: readonly string[]): Promise<{ answer: unknown; cost: Cost }> {
  const { stdout, stderr } = await run('/usr/bin/time', ['-f', '%e %U %S %M', ...command], {
    maxBuffer: 1 << 30,
  })
  const [wall = 0, user = 0, system = 0, kilobytes = 0] = (stderr.trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number)
  const answer: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null')
  return { answer, cost: { wall, cpu: user + system, megabytes: kilobytes / 1024 } }
}
