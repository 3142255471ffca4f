import { createBusyShare } from '../../kernel/busy-share.ts'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { fail } from '../../platform/errors.ts'
import { overloaded, placeOf, type Batcher, type Outcome, type Work } from './batcher.ts'
import { createFairQueue, type Place } from './fair-queue.ts'
import { NOBODY } from './caller.ts'
import type { LoadedModel } from './runtime.ts'

type Job = Work &
  Place & {
    readonly queuedAt: number
    resolve: (outcome: Outcome) => void
    reject: (error: Error) => void
  }

/** For models that wait rather than compute here: each request runs by itself, many at once; a model on another server makes its own batches. */
export function createConcurrentQueue(
  deps: { model: LoadedModel; onBatch?: (rows: number, ms: number) => void },
  limits: { maxRunning: number; maxQueued: number }
): Batcher {
  const { model } = deps
  const queue = createFairQueue<Job>()
  // What waits at once on one server shares its time: added up, they would cost more than there was.
  const busy = createBusyShare({ units: 1, now: () => performance.now() })
  let running = 0
  let idle: (() => void)[] = []

  const start = (job: Job): void => {
    running++
    const begun = performance.now()
    const leave = busy.enter()
    model
      .infer(job.inputs, { deadline: job.deadline, caller: job.caller ?? NOBODY })
      .then(
        (outputs) => {
          const computeMs = performance.now() - begun
          deps.onBatch?.(job.rows, computeMs)
          job.resolve({ outputs, queueMs: begun - job.queuedAt, computeMs, busyMs: leave() })
        },
        (error: unknown) => job.reject(toFailure(error, job.deadline))
      )
      .finally(() => {
        leave()
        running--
        next()
      })
  }
  const next = (): void => {
    while (running < limits.maxRunning) {
      const job = queue.shift()
      if (job === undefined) break
      const refusal = refusalOf(job)
      if (refusal === null) start(job)
      else job.reject(refusal)
    }
    if (running > 0 || queue.size > 0) return
    const resolved = idle
    idle = []
    for (const resolve of resolved) resolve()
  }

  return {
    run: (work) =>
      new Promise<Outcome>((resolve, reject) => {
        const place = placeOf(work)
        if (running >= limits.maxRunning && queue.size >= limits.maxQueued) {
          const last = queue.displace(place)
          ;(last?.reject ?? reject)(overloaded(limits))
          if (last === null) return
        }
        queue.push({ ...work, ...place, queuedAt: performance.now(), resolve, reject })
        next()
      }),
    get queued() {
      return queue.size
    },
    async drain() {
      while (running > 0 || queue.size > 0) await new Promise<void>((resolve) => idle.push(resolve))
    },
  }
}

function refusalOf(job: Job): Error | null {
  if (job.deadline <= performance.now()) return late()
  return job.isGone()
    ? fail('request.cancelled', 'The caller went away while the request waited')
    : null
}

const late = () =>
  fail('request.deadline_exceeded', 'The deadline passed before the model had answered')

function toFailure(error: unknown, deadline: number): Error {
  if (error instanceof AppError)
    return error.code === 'serving.upstream_timeout' && deadline <= performance.now()
      ? late()
      : error
  return fail('serving.model_failed', `The model failed on this input: ${messageOf(error)}`, {
    cause: error,
  })
}
