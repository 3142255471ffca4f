import { messageOf } from '../../kernel/errors.ts'
import { fail } from '../../platform/errors.ts'
import { NOBODY, type Caller } from './caller.ts'
import { createFairQueue, DEFAULT_PRIORITY, type Place } from './fair-queue.ts'
import type { LoadedModel } from './runtime.ts'
import { concatRows, rowsOf, sliceRows, type Tensor } from './tensor.ts'

export type BatchLimits = Readonly<{
  /** Rows of one run at most; a larger request runs alone. */
  maxBatchRows: number
  /** Requests that may wait at most; one more is refused with `serving.overloaded`. */
  maxQueued: number
}>

export type Work = Readonly<{
  inputs: readonly Tensor[]
  rows: number
  /** `performance.now()` time after which nobody waits for the answer. */
  deadline: number
  /** Whether the caller went away. */
  isGone: () => boolean
  /** For runtimes that pass it on; left out, nobody. */
  caller?: Caller
  /** 1 goes before 2, and so on; left out, in the middle. */
  priority?: number
  /** Whose it is: those who wait for one model get equal parts of it. */
  share?: string
}>

export type Outcome = Readonly<{
  outputs: readonly Tensor[]
  queueMs: number
  computeMs: number
  /** This request's share, by rows, of the run. */
  busyMs: number
  /** Nothing ran: the same was asked before. */
  isCached?: true
}>

/** Runs one model version's requests: alone when it is idle, together when they queued while it was busy. */
export interface Batcher {
  /** Rejects with `serving.overloaded`, `request.deadline_exceeded`, `request.cancelled` or `serving.model_failed`. */
  run(work: Work): Promise<Outcome>
  readonly queued: number
  /** Finishes what was taken, then resolves. */
  drain(): Promise<void>
}

type Job = Required<Work> & {
  readonly shapeKey: string
  readonly queuedAt: number
  isSettled: boolean
  resolve: (outcome: Outcome) => void
  reject: (error: Error) => void
}

/**
 * Work-conserving batching: no request waits for company while the model is idle; what came in one turn of the event loop runs together. A failed batch is halved and run again, so that a poison row
 * fails alone. `onBatch` is told the rows and the time of each run.
 */
export function createBatcher(
  deps: { model: LoadedModel; isBatchable: boolean; onBatch?: (rows: number, ms: number) => void },
  limits: BatchLimits
): Batcher {
  const { model } = deps
  const queue = createFairQueue<Job>()
  let live = 0
  let isBusy = false
  let idle: (() => void)[] = []
  let sweep: { timer: NodeJS.Timeout; at: number } | null = null
  const running = new Set<Job>()

  const settle = (job: Job, outcome: Outcome | Error): void => {
    if (job.isSettled) return
    job.isSettled = true
    live--
    if (outcome instanceof Error) job.reject(outcome)
    else job.resolve(outcome)
  }

  /** One timer stands for all deadlines: it is set for the nearest and looks again when it rings. */
  const armSweep = (deadline: number): void => {
    if (deadline === Infinity || (sweep !== null && sweep.at <= deadline)) return
    if (sweep !== null) clearTimeout(sweep.timer)
    const delay = Math.min(Math.max(0, deadline - performance.now()) + 1, 2 ** 31 - 1)
    sweep = { at: deadline, timer: setTimeout(ring, delay) }
    sweep.timer.unref()
  }
  const ring = (): void => {
    sweep = null
    const now = performance.now()
    let nearest = Infinity
    const jobs = queue.jobs()
    for (const job of [...jobs, ...running]) {
      if (job.deadline <= now) settle(job, late())
      else nearest = Math.min(nearest, job.deadline)
    }
    queue.keep(
      jobs.filter((job) => !job.isSettled),
      []
    )
    armSweep(nearest)
  }

  const takeBatch = (): Job[] => {
    const now = performance.now()
    const batch: Job[] = []
    const left: Job[] = []
    let rows = 0
    for (const job of queue.jobs()) {
      if (job.isSettled) continue
      if (job.deadline <= now) settle(job, late())
      else if (job.isGone()) settle(job, gone())
      else if (fits(job, batch[0], rows)) {
        batch.push(job)
        rows += job.rows
      } else left.push(job)
    }
    queue.keep(left, batch)
    return batch
  }
  const fits = (job: Job, first: Job | undefined, rows: number): boolean =>
    first === undefined ||
    (deps.isBatchable && job.shapeKey === first.shapeKey && rows + job.rows <= limits.maxBatchRows)

  const runBatch = async (batch: readonly Job[]): Promise<void> => {
    const [first] = batch
    if (first === undefined) return
    const begun = performance.now()
    const rows = batch.reduce((sum, job) => sum + job.rows, 0)
    try {
      const inputs = batch.length === 1 ? first.inputs : join(batch)
      const outputs = await model.infer(inputs, {
        deadline: first.deadline,
        caller: first.caller,
      })
      const computeMs = performance.now() - begun
      deps.onBatch?.(rows, computeMs)
      if (batch.length > 1 && outputs.some((output) => rowsOf(output) !== rows))
        throw new Error('the model gave another number of rows than it was given')
      let at = 0
      for (const job of batch) {
        settle(job, {
          outputs:
            batch.length === 1 ? outputs : outputs.map((output) => sliceRows(output, at, job.rows)),
          queueMs: begun - job.queuedAt,
          computeMs,
          busyMs: rows === 0 ? computeMs : (computeMs * job.rows) / rows,
        })
        at += job.rows
      }
    } catch (error) {
      if (batch.length === 1) {
        settle(first, broken(error))
        return
      }
      const half = batch.length >> 1
      await runBatch(batch.slice(0, half))
      await runBatch(batch.slice(half))
    }
  }

  const turn = async (): Promise<void> => {
    for (let batch = takeBatch(); batch.length > 0; batch = takeBatch()) {
      for (const job of batch) running.add(job)
      await runBatch(batch)
      running.clear()
    }
    isBusy = false
    const resolved = idle
    idle = []
    for (const resolve of resolved) resolve()
  }

  return {
    run: (work) =>
      new Promise<Outcome>((resolve, reject) => {
        const place = placeOf(work)
        if (queue.size >= limits.maxQueued) {
          const last = queue.displace(place)
          if (last === null) {
            reject(overloaded(limits))
            return
          }
          settle(last, overloaded(limits))
        }
        live++
        queue.push({
          ...place,
          inputs: work.inputs,
          deadline: work.deadline,
          isGone: work.isGone,
          caller: work.caller ?? NOBODY,
          shapeKey: deps.isBatchable ? shapeKeyOf(work.inputs) : '',
          queuedAt: performance.now(),
          isSettled: false,
          resolve,
          reject,
        })
        armSweep(work.deadline)
        if (isBusy) return
        isBusy = true
        setImmediate(() => void turn())
      }),
    get queued() {
      return queue.size
    },
    async drain() {
      while (isBusy || live > 0) await new Promise<void>((resolve) => idle.push(resolve))
      if (sweep !== null) clearTimeout(sweep.timer)
    },
  }
}

export const placeOf = ({ rows, priority = DEFAULT_PRIORITY, share = '' }: Work): Place => ({
  rows,
  priority,
  share,
})
export const overloaded = ({ maxQueued }: Pick<BatchLimits, 'maxQueued'>) =>
  fail('serving.overloaded', `${maxQueued} requests wait already; try again soon`)
const late = () =>
  fail('request.deadline_exceeded', 'The deadline passed before the model had answered')
const gone = () => fail('request.cancelled', 'The caller went away while the request waited')
const broken = (error: unknown) =>
  fail('serving.model_failed', `The model failed on this input: ${messageOf(error)}`, {
    cause: error,
  })

/** What must be the same in a batch: every dimension but the first. */
function shapeKeyOf(inputs: readonly Tensor[]): string {
  let key = ''
  for (const { shape } of inputs) {
    for (let axis = 1; axis < shape.length; axis++) key += `${shape[axis] ?? 0},`
    key += ';'
  }
  return key
}

function join(batch: readonly Job[]): Tensor[] {
  const [first, ...others] = batch
  if (first === undefined) return []
  return first.inputs.map((input, i) =>
    concatRows([input, ...others.map((job) => job.inputs[i] ?? input)])
  )
}
