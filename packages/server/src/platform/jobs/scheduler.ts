import type { Logger } from '../telemetry/logger.ts'
import type { Component } from '../component.ts'

/** Runs named work again and again in this process: never two runs of one job at a time, and a failed run is logged and tried at its next turn. */
export interface Scheduler extends Component {
  /** Runs `work` every `intervalMs` after the previous run ended. */
  every(job: {
    name: string
    intervalMs: number
    work: (signal: AbortSignal) => Promise<void>
  }): void
  /** Runs a job now (or right after its current run) and resolves when that run ended. */
  trigger(name: string): Promise<void>
}

type Job = {
  name: string
  intervalMs: number
  work: (signal: AbortSignal) => Promise<void>
  timer: NodeJS.Timeout | null
  running: Promise<void> | null
}

export function createScheduler(deps: { log: Logger }): Scheduler {
  const jobs = new Map<string, Job>()
  const stopping = new AbortController()
  let isStarted = false

  const run = (job: Job): Promise<void> => {
    if (job.running !== null) return job.running
    if (job.timer !== null) clearTimeout(job.timer)
    job.timer = null
    job.running = job
      .work(stopping.signal)
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) deps.log.error({ err: error, job: job.name }, 'job failed')
      })
      .finally(() => {
        job.running = null
        arm(job)
      })
    return job.running
  }

  const arm = (job: Job): void => {
    if (!isStarted || stopping.signal.aborted) return
    job.timer = setTimeout(() => void run(job), job.intervalMs)
  }

  return {
    name: 'scheduler',
    every(definition) {
      const job: Job = { ...definition, timer: null, running: null }
      jobs.set(definition.name, job)
      arm(job)
    },
    async trigger(name) {
      const job = jobs.get(name)
      if (job === undefined) throw new Error(`No job "${name}"`)
      if (job.running !== null) await job.running
      await run(job)
    },
    async start() {
      if (isStarted) return
      isStarted = true
      for (const job of jobs.values()) arm(job)
    },
    async stop() {
      stopping.abort()
      for (const job of jobs.values()) if (job.timer !== null) clearTimeout(job.timer)
      await Promise.all(
        [...jobs.values()].flatMap((job) => (job.running === null ? [] : [job.running]))
      )
    },
  }
}
