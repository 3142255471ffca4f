/** Processor time of a process, by the kernel's own count. Linux only. */
import { readFileSync, readdirSync } from 'node:fs'

/** Of each thread that is there, in microseconds: the first number of `schedstat` is nanoseconds on a processor. */
export function processorUs(pid: number): { main: number; all: number } {
  const of = (thread: string): number =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1_000
  const threads = readdirSync(`/proc/${pid}/task`).map(of)
  return { main: of(String(pid)), all: threads.reduce((sum, us) => sum + us, 0) }
}
