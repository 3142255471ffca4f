import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { createExperimentStore } from '../experiments/experiment-store.ts'
import { createExperiments } from '../experiments/experiments.ts'
import { trackingMigrations } from '../index.ts'
import { parseFilter } from '../mlflow/filter.ts'
import { RUNS } from '../mlflow/grammar.ts'
import { parseOrderBy } from '../mlflow/order-by.ts'
import type { Cursor } from '../mlflow/page-token.ts'
import { latestOf } from './latest.ts'
import { createMetricHistory } from './metric-history.ts'
import { createRunReader } from './run-reader.ts'
import type { LoggedMetric } from './run-records.ts'
import { searchRuns } from './run-search.ts'
import { createRunStore } from './run-store.ts'
import { createRuns } from './runs.ts'

const metric = (key: string, value: number, step = 0, timestamp = 0): LoggedMetric => ({
  key,
  value,
  step,
  timestamp,
  modelId: null,
  datasetName: '',
  datasetDigest: '',
})

onEveryDatabase([trackingMigrations], (database) => {
  const project = 'p'
  const open = () => {
    const clock = createManualClock(1_000)
    const experiments = createExperiments({ store: createExperimentStore(database()), clock })
    return {
      experiments,
      runs: createRuns({ store: createRunStore(database()), experiments, clock }),
    }
  }
  let named = 0
  const experiment = async () => {
    const { experiments, runs } = open()
    const id = await experiments.create({ project, name: `e${named++}`, tags: [] })
    const start = (startTime: number, name = '') =>
      runs.create({ project, experimentId: String(id), userId: 'u', name, startTime, tags: [] })
    return { id, runs, start }
  }
  const read = async (runId: string) => {
    const run = await open().runs.get({ project, runId })
    const [record] = await createRunReader(database()).read([run])
    return record!
  }

  test('whatever the order and grouping of writes, the latest metric is the greatest step, time, value', async () => {
    const { runs, start } = await experiment()
    const point = fc.record({
      key: fc.constantFrom('a', 'b'),
      value: fc.oneof(fc.double({ noNaN: false }), fc.integer({ min: 0, max: 2 })),
      step: fc.integer({ min: -2, max: 2 }),
      timestamp: fc.integer({ min: 0, max: 2 }),
    })
    const batches = fc.array(fc.array(point, { minLength: 1, maxLength: 6 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(batches, async (groups) => {
        const { run_id: runId } = await start(1)
        for (const group of groups)
          await runs.log(
            { project, runId },
            { metrics: group.map((p) => metric(p.key, p.value, p.step, p.timestamp)) }
          )
        const expected = latestOf(groups.flat())
        const found = (await read(runId)).metrics
        expect(found.map((m) => [m.key, m.step, m.timestamp])).toEqual(
          expected
            .map((m) => [m.key, m.step, m.timestamp])
            .toSorted((a, b) => (a[0]! < b[0]! ? -1 : 1))
        )
      }),
      { numRuns: 25 }
    )
  })

  test('a double is read back exactly, NaN as NaN, an infinity as the largest double', async () => {
    const { runs, start } = await experiment()
    const { run_id: runId } = await start(1)
    const values = [0.1 + 0.2, 5e-324, Number.MAX_VALUE, -0.5, 2 ** 53, NaN, Infinity, -Infinity]
    await runs.log({ project, runId }, { metrics: values.map((v, i) => metric(`m${i}`, v)) })
    expect((await read(runId)).metrics.map((m) => m.value)).toEqual([
      ...values.slice(0, 6),
      Number.MAX_VALUE,
      -Number.MAX_VALUE,
    ])
  })

  test('a batch of 1,000 points is kept whole, and again changes nothing', async () => {
    const { runs, start } = await experiment()
    const run = await start(1)
    const id = { project, runId: run.run_id }
    const metrics = Array.from({ length: 1_000 }, (_v, i) => metric('loss', i / 3, i, i))
    await runs.log(id, { metrics })
    await runs.log(id, { metrics })
    const history = createMetricHistory(database())
    const first = await history.page(run, 'loss', { after: null, limit: 600 })
    const second = await history.page(run, 'loss', { after: first.last, limit: 600 })
    expect(second.last).toBeNull()
    expect([...first.points, ...second.points].map((p) => p.value)).toEqual(
      metrics.map((m) => m.value)
    )
  })

  test('of two writers of different values of a param one wins, and the loser leaves nothing behind', async () => {
    const { runs, start } = await experiment()
    const { run_id: runId } = await start(1)
    const outcomes = await Promise.allSettled(
      ['1', '2'].map((value) =>
        runs.log(
          { project, runId },
          { params: [{ key: 'p', value }], tags: [{ key: `by${value}`, value }] }
        )
      )
    )
    expect(outcomes.map((o) => o.status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const record = await read(runId)
    const winner = record.params[0]!.value
    expect(record.tags.filter((t) => t.key.startsWith('by'))).toEqual([
      { key: `by${winner}`, value: winner },
    ])
  })

  test('experiments made at the same time get names and ids of their own', async () => {
    const { experiments } = open()
    const create = (name: string) => experiments.create({ project: 'busy', name, tags: [] })
    const ids = await Promise.all(Array.from({ length: 10 }, (_v, i) => create(`n${i}`)))
    expect(new Set(ids).size).toBe(10)
    const same = await Promise.allSettled([create('same'), create('same'), create('same')])
    expect(same.filter((o) => o.status === 'fulfilled')).toHaveLength(1)
  })

  test('pages in any order join to the whole list, while newer runs are added', async () => {
    const { id, runs, start } = await experiment()
    for (let i = 0; i < 23; i++) {
      const { run_id: runId } = await start(1_000 + (i % 5), `r${i % 4}`)
      if (i % 3 !== 0)
        await runs.log({ project, runId }, { metrics: [metric('m', i % 7 === 0 ? NaN : i % 5)] })
      if (i % 4 !== 0)
        await runs.log({ project, runId }, { params: [{ key: 'k', value: `${i % 6}` }] })
    }
    for (const order of [
      [],
      ['metrics.m DESC'],
      ['metrics.m', 'params.k DESC'],
      ['end_time DESC', 'run_name'],
      ['tags.none'],
    ]) {
      const query = (after: Cursor | null, limit: number) =>
        searchRuns(database(), {
          project,
          experimentIds: [id],
          stages: ['active'],
          clauses: parseFilter('start_time < 2000', RUNS),
          orderBy: parseOrderBy(order, RUNS),
          after,
          limit,
        })
      const whole = (await query(null, 100)).rows.map((r) => r.run_id)
      expect(whole).toHaveLength(23)
      const paged: string[] = []
      let after: Cursor | null = null
      do {
        const page = await query(after, 4)
        paged.push(...page.rows.map((r) => r.run_id))
        after = page.last
        await start(9_000)
      } while (after !== null)
      expect(paged).toEqual(whole)
    }
  })

  test('a filter finds the same runs, whether they are walked through or begun with its rarest comparison', async () => {
    const { id, runs, start } = await experiment()
    const long = 'x'.repeat(120)
    for (let i = 0; i < 40; i++) {
      const { run_id: runId } = await start(1_000 + i)
      await runs.log(
        { project, runId },
        {
          metrics: i % 5 === 0 ? [metric('m', NaN)] : [metric('m', i % 7), metric('n', i)],
          params: [{ key: 'k', value: i % 3 === 0 ? `${long}${i % 2}` : `${i % 4}` }],
          tags: i % 2 === 0 ? [{ key: 't', value: `${i % 3}` }] : [],
        }
      )
    }
    const comparison = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('metrics.m', 'metrics.n', 'metrics.none'),
          fc.constantFrom('>', '>=', '<', '<=', '=', '!='),
          fc.integer({ min: -1, max: 40 })
        )
        .map((parts) => parts.join(' ')),
      fc
        .tuple(
          fc.constantFrom('params.k', 'tags.t'),
          fc.constantFrom('=', '!=', 'LIKE'),
          fc.constantFrom('0', '1', '2', `${long}0`, `${long}1`, long.slice(0, 100))
        )
        .map(([key, comparator, value]) => `${key} ${comparator} '${value}'`)
    )
    const find = async (filter: string, few: number) => {
      const query = {
        project,
        experimentIds: [id],
        stages: ['active' as const],
        clauses: parseFilter(filter, RUNS),
        orderBy: parseOrderBy(['metrics.n DESC'], RUNS),
        after: null,
        limit: 100,
      }
      const { rows } = await searchRuns(database(), query, { few })
      return rows.map((row) => row.run_id)
    }
    await fc.assert(
      fc.asyncProperty(fc.array(comparison, { minLength: 1, maxLength: 3 }), async (parts) => {
        const filter = parts.join(' AND ')
        const walked = await find(filter, 0)
        expect(await find(filter, 8)).toEqual(walked)
        expect(await find(filter, 1_000)).toEqual(walked)
      }),
      { numRuns: 60 }
    )
  })

  test('LIKE minds case and takes glob characters literally; ILIKE does not mind case', async () => {
    const { id, runs, start } = await experiment()
    for (const value of ['Tree', 'tree', 'a*b', 'axb', '50%', 'x[y]']) {
      const { run_id: runId } = await start(1, value)
      await runs.log({ project, runId }, { params: [{ key: 'k', value }] })
    }
    const find = async (filter: string) => {
      const { rows } = await searchRuns(database(), {
        project,
        experimentIds: [id],
        stages: ['active'],
        clauses: parseFilter(filter, RUNS),
        orderBy: parseOrderBy(['run_name'], RUNS),
        after: null,
        limit: 10,
      })
      return rows.map((r) => r.run_name)
    }
    expect(await find("params.k LIKE 'T%'")).toEqual(['Tree'])
    expect(await find("params.k ILIKE 'T%'")).toEqual(['Tree', 'tree'])
    expect(await find("params.k LIKE 'a*b'")).toEqual(['a*b'])
    expect(await find("params.k LIKE 'a_b'")).toEqual(['a*b', 'axb'])
    expect(await find("params.k LIKE 'x[y]'")).toEqual(['x[y]'])
    expect(await find("params.k = 'tree'")).toEqual(['tree'])
    expect(await find("run_name IN ('tree')").catch(String)).toMatch(/Invalid|Expected/)
  })

  test('a run of one project is not there for another', async () => {
    const { start } = await experiment()
    const { run_id: runId } = await start(1)
    await expect(open().runs.get({ project: 'other', runId })).rejects.toThrow(/not found/)
  })
})
