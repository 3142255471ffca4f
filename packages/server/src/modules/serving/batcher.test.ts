import { afterEach, expect, test, vi } from 'vitest'
import { createBatcher, type BatchLimits, type Work } from './batcher.ts'
import type { LoadedModel } from './runtime.ts'
import type { Tensor } from './tensor.ts'

afterEach(() => vi.useRealTimers())

type Run = { rows: number; values: number[]; finish: () => void }

/** A model whose runs end when the test says so; it doubles its input and fails on a negative one. */
function stagedModel(): { model: LoadedModel; runs: Run[]; next: () => Promise<Run> } {
  const runs: Run[] = []
  let seen = 0
  let onRun: (() => void) | null = null
  const model: LoadedModel = {
    spec: {
      platform: 'fake',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
    },
    device: 'cpu',
    isInline: true,
    infer: (inputs) =>
      new Promise((resolve, reject) => {
        const values = [...(inputs[0]!.data as Float32Array)]
        const finish = () => {
          if (values.some((value) => value < 0)) reject(new Error('negative'))
          else
            resolve([
              tensor(
                values.map((value) => value * 2),
                'y'
              ),
            ])
        }
        runs.push({ rows: values.length, values, finish })
        onRun?.()
      }),
    close: async () => {},
  }
  const next = async (): Promise<Run> => {
    if (runs.length <= seen) await new Promise<void>((resolve) => (onRun = resolve))
    return runs[seen++]!
  }
  return { model, runs, next }
}

const tensor = (values: number[], name = 'x'): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [values.length],
  data: Float32Array.from(values),
})
const work = (values: number[], own: Partial<Work> = {}): Work => ({
  inputs: [tensor(values)],
  rows: values.length,
  deadline: Infinity,
  isGone: () => false,
  ...own,
})
const start = (limits: Partial<BatchLimits> = {}) => {
  const staged = stagedModel()
  const batcher = createBatcher(
    { model: staged.model, isBatchable: true },
    { maxBatchRows: 4, maxQueued: 8, ...limits }
  )
  return { ...staged, batcher }
}
const valuesOf = (outcome: { outputs: readonly Tensor[] }) => [
  ...(outcome.outputs[0]!.data as Float32Array),
]

test('an idle model runs a request at once; those that come meanwhile share the next run, up to its size', async () => {
  const { batcher, next } = start()
  const first = batcher.run(work([1]))
  const run = await next()
  expect(run.rows).toBe(1)
  const others = [[2], [3, 4], [5], [6]].map((values) => batcher.run(work(values)))
  run.finish()
  expect(valuesOf(await first)).toEqual([2])
  const second = await next()
  expect(second.values).toEqual([2, 3, 4, 5])
  second.finish()
  const third = await next()
  expect(third.values).toEqual([6])
  third.finish()
  expect((await Promise.all(others)).map(valuesOf)).toEqual([[4], [6, 8], [10], [12]])
})

test('a poison row fails alone', async () => {
  const { batcher, next, runs } = start()
  const first = batcher.run(work([1]))
  const begun = await next()
  const others = [[2], [-3], [4], [5]].map((values) => batcher.run(work(values)))
  begun.finish()
  await first
  const settled = Promise.allSettled(others)
  for (let left = true; left;) {
    const run = await Promise.race([next(), settled.then(() => null)])
    if (run === null) left = false
    else run.finish()
  }
  const results = await settled
  expect(results.map((result) => result.status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ])
  expect(results[1]).toMatchObject({ reason: { code: 'serving.model_failed' } })
  expect(runs.length).toBeLessThanOrEqual(1 + 1 + 2 + 2)
})

test('one request more than may wait is refused, and the others are not', async () => {
  const { batcher, next } = start({ maxQueued: 2 })
  const first = batcher.run(work([1]))
  const run = await next()
  const waiting = [batcher.run(work([2])), batcher.run(work([3]))]
  await expect(batcher.run(work([4]))).rejects.toMatchObject({ code: 'serving.overloaded' })
  run.finish()
  await first
  ;(await next()).finish()
  expect((await Promise.all(waiting)).map(valuesOf)).toEqual([[4], [6]])
})

test('a deadline passes while the model is stuck: the caller is told then, and what waited is never run', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const { batcher, runs, next } = start()
  const soon = { deadline: performance.now() + 50 }
  const running = batcher.run(work([1], soon))
  const run = await next()
  const waiting = batcher.run(work([2], soon))
  const patient = batcher.run(work([3]))
  const late = Promise.allSettled([running, waiting])
  await vi.advanceTimersByTimeAsync(60)
  for (const result of await late)
    expect(result).toMatchObject({ reason: { code: 'request.deadline_exceeded' } })
  run.finish()
  const after = await next()
  expect(after.values).toEqual([3])
  after.finish()
  await patient
  expect(runs.map((each) => each.values)).toEqual([[1], [3]])
})

test('a caller who went away while waiting is not served', async () => {
  const { batcher, runs, next } = start()
  const first = batcher.run(work([1]))
  const run = await next()
  const gone = batcher.run(work([2], { isGone: () => true }))
  const caught = expect(gone).rejects.toMatchObject({ code: 'request.cancelled' })
  run.finish()
  await first
  await caught
  await batcher.drain()
  expect(runs.map((each) => each.values)).toEqual([[1]])
})

test('the shares of a run add up to the time it took', async () => {
  const { batcher, next } = start()
  const first = batcher.run(work([1]))
  const run = await next()
  const others = [[2], [3, 4]].map((values) => batcher.run(work(values)))
  run.finish()
  await first
  ;(await next()).finish()
  const [one, two] = await Promise.all(others)
  expect(one!.busyMs + two!.busyMs).toBeCloseTo(one!.computeMs, 9)
  expect(two!.busyMs).toBeCloseTo(one!.busyMs * 2, 9)
})

test('who sends little does not wait behind who sends much, and gets a place in a full line', async () => {
  const { model, next } = stagedModel()
  const batcher = createBatcher({ model, isBatchable: false }, { maxBatchRows: 1, maxQueued: 5 })
  const ask = (value: number, share: string, priority?: number) =>
    batcher.run({
      ...work([value]),
      share,
      ...(priority === undefined ? {} : { priority }),
    })
  const flood = [1, 2, 3, 4, 5, 6].map((value) =>
    ask(value, 'flood').catch((error: unknown) => error)
  )
  const first = await next() // the others wait, five of them
  const light = ask(10, 'light')
  const urgent = ask(20, 'flood', 1)
  first.finish()
  const order: number[] = []
  for (let i = 0; i < 5; i++) {
    const run = await next()
    order.push(...run.values)
    run.finish()
  }
  expect(order).toEqual([20, 10, 2, 3, 4]) // the flood had its turn when it began
  expect(await Promise.all([light, urgent])).toHaveLength(2)
  expect((await Promise.all(flood)).map((one) => one instanceof Error)).toEqual([
    ...[false, false, false, false],
    ...[true, true],
  ])
})
