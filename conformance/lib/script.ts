import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export type Count = { passed: number; failed: number }

/** Runs a script whose last line is `N passed, N failed`, and shows what it prints. One that ends otherwise has failed. */
export async function runScript(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>
): Promise<Count> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  let last = ''
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(`  ${line}`)
    if (line.trim() !== '') last = line
  }
  if (child.exitCode === null) await once(child, 'exit')
  const counted = /(\d+) passed, (\d+) failed/.exec(last)
  const failed = Number(counted?.[2] ?? 1)
  return {
    passed: Number(counted?.[1] ?? 0),
    failed: child.exitCode === 0 ? failed : Math.max(1, failed),
  }
}
