import { vi } from 'vitest'
import { createProgram } from '../../src/program.ts'
import { runProgram } from '../../src/run-program.ts'
import type { Ran } from './server.ts'

/** A command line run within the test: the same program, without a process's start. One at a time, since it listens in on standard output. */
export async function runHere(url: string, args: readonly string[]): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const spies = [
    vi
      .spyOn(process.stdout, 'write')
      .mockImplementation((text) => ((stdout += String(text)), true)),
    vi
      .spyOn(process.stderr, 'write')
      .mockImplementation((text) => ((stderr += String(text)), true)),
  ]
  const before = process.exitCode
  process.exitCode = undefined
  try {
    const code = await runProgram(createProgram(), ['--url', url, ...args])
    return { code, stdout, stderr }
  } finally {
    process.exitCode = before
    for (const spy of spies) spy.mockRestore()
  }
}
