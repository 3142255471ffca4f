import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { createExperimentStore } from '../experiments/experiment-store.ts'
import { createExperiments } from '../experiments/experiments.ts'
import { trackingMigrations } from '../index.ts'
import type { Cursor } from '../mlflow/page-token.ts'
import { createRunStore } from '../runs/run-store.ts'
import { createRuns } from '../runs/runs.ts'
import { createAssessmentStore } from './assessment-store.ts'
import { createAssessments } from './assessments.ts'
import { correlation } from './correlation.ts'
import { readOtlp, type OtlpSpan } from './otlp.ts'
import { usageOf } from './token-usage.ts'
import { parseTraceFilter } from './trace-filter.ts'
import { parseTraceOrder } from './trace-order.ts'
import { searchTraces } from './trace-search.ts'
import { createTraceStore } from './trace-store.ts'
import { createTraces } from './traces.ts'

const MS = 1_000_000n

const span = (given: {
  trace: number
  id: number
  parent?: number
  start?: number
  end?: number
  status?: number
  name?: string
  attributes?: Record<string, string>
}): OtlpSpan => ({
  traceId: given.trace.toString(16).padStart(32, '0'),
  spanId: given.id.toString(16).padStart(16, '0'),
  parentSpanId: given.parent === undefined ? '' : given.parent.toString(16).padStart(16, '0'),
  name: given.name ?? `s${given.id}`,
  startTimeUnixNano: String(BigInt(given.start ?? 1) * MS),
  endTimeUnixNano: String(BigInt(given.end ?? 2) * MS),
  attributes: Object.entries(given.attributes ?? {}).map(([key, value]) => ({
    key,
    value: { stringValue: value },
  })),
  events: [],
  links: [],
  status: { code: given.status ?? 1, message: '' },
})

const idOf = (trace: number) => `tr-${trace.toString(16).padStart(32, '0')}`

onEveryDatabase([trackingMigrations], (database) => {
  let projects = 0
  const open = () => {
    const project = `p${projects++}`
    const clock = createManualClock(1_000)
    const experiments = createExperiments({ store: createExperimentStore(database()), clock })
    const runs = createRuns({ store: createRunStore(database()), experiments, clock })
    const store = createTraceStore(database())
    const traces = createTraces({ store, experiments, runs })
    const send = (...spans: OtlpSpan[]) =>
      traces.export({ project, experimentId: '0', runId: null, spans: [{ resource: [], spans }] })
    const find = async (filter: string, order: string[] = []) => {
      const { rows } = await searchTraces(database(), {
        project,
        experimentIds: [0],
        clauses: parseTraceFilter(filter),
        orderBy: parseTraceOrder(order),
        after: null,
        limit: 100,
      })
      return rows.map((row) => row.trace_id)
    }
    const assessments = createAssessments({ store: createAssessmentStore(database()), clock })
    return { project, store, traces, send, find, assessments, runs }
  }

  test('spans of one trace make the same trace in whatever order and batches they come', async () => {
    const spans = [
      span({ trace: 1, id: 1, start: 10, end: 90 }),
      span({
        trace: 1,
        id: 2,
        parent: 1,
        start: 5,
        end: 60,
        attributes: { 'gen_ai.usage.input_tokens': '3' },
      }),
      span({
        trace: 1,
        id: 3,
        parent: 2,
        start: 20,
        end: 120,
        attributes: { 'gen_ai.usage.output_tokens': '9' },
      }),
      span({
        trace: 1,
        id: 4,
        parent: 1,
        start: 30,
        end: 40,
        attributes: { 'gen_ai.usage.input_tokens': '4' },
      }),
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(spans, { minLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
        async (order, sizes) => {
          const { project, traces, send, store } = open()
          for (let at = 0, i = 0; at < order.length; i++) {
            const size = sizes[i % sizes.length] ?? 1
            await send(...order.slice(at, at + size))
            at += size
          }
          const { row, metadata } = await traces.getRecord(project, idOf(1))
          expect(row).toMatchObject({ timestamp_ms: 5, execution_time_ms: 115, state: 'OK' })
          expect(metadata.find((m) => m.key === 'mlflow.trace.tokenUsage')?.value).toBe(
            // Span 3 lies below span 2, which speaks for it.
            '{"input_tokens":7,"output_tokens":0,"total_tokens":7}'
          )
          expect((await store.spansOf([row])).get(row.trace_key)).toHaveLength(4)
        }
      ),
      { numRuns: 15 }
    )
  })

  test('what a client tells of a whole trace stands, whether its spans come before or after', async () => {
    for (const spansFirst of [true, false]) {
      const { project, traces, send } = open()
      const finish = () =>
        traces.finish(project, {
          traceId: idOf(1),
          experimentId: '0',
          timestampMs: 77,
          executionTimeMs: 5,
          state: 'ERROR',
          clientRequestId: 'c',
          requestPreview: 'in',
          responsePreview: null,
          tags: [{ key: 'k', value: 'v' }],
          metadata: [],
        })
      if (spansFirst) await send(span({ trace: 1, id: 1, start: 1, end: 500 }))
      await finish()
      await finish()
      if (!spansFirst) await send(span({ trace: 1, id: 1, start: 1, end: 500 }))
      const { row } = await traces.getRecord(project, idOf(1))
      expect(row).toMatchObject({
        timestamp_ms: 77,
        execution_time_ms: 5,
        state: 'ERROR',
        request_preview: 'in',
      })
    }
  })

  test('forty writers of one trace and of many lose no span', async () => {
    const { project, send, store, traces, find } = open()
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        send(span({ trace: 1, id: i + 1, parent: i + 2 }), span({ trace: 100 + i, id: 1 }))
      )
    )
    const row = await traces.get(project, idOf(1))
    expect((await store.spansOf([row])).get(row.trace_key)).toHaveLength(40)
    expect(await find('')).toHaveLength(41)
  })

  test('pages cover every trace once while traces are added', async () => {
    const { project, send } = open()
    for (let i = 1; i <= 9; i++) await send(span({ trace: i, id: 1, start: i % 3, end: 10 }))
    const seen: string[] = []
    let after: Cursor | null = null
    do {
      const page: Awaited<ReturnType<typeof searchTraces>> = await searchTraces(database(), {
        ...{ project, experimentIds: [0], clauses: [], limit: 2, after },
        orderBy: parseTraceOrder(['execution_time ASC']),
      })
      seen.push(...page.rows.map((row) => row.trace_id))
      await send(span({ trace: 1_000 + seen.length, id: 1, start: 50, end: 51 }))
      after = page.last
    } while (after !== null && seen.length < 50)
    const first = Array.from({ length: 9 }, (_, i) => idOf(i + 1))
    expect(seen.filter((id) => first.includes(id)).toSorted()).toEqual(first.toSorted())
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('filters reach spans, their attributes, assessments and runs', async () => {
    const { project, traces, send, find, assessments, runs } = open()
    await send(
      span({ trace: 1, id: 1, attributes: { 'a.b"c': 'x', model: 'gpt' } }),
      span({ trace: 2, id: 1, name: 'and ünï', attributes: { model: '100%' } }),
      span({ trace: 3, id: 1, status: 2 })
    )
    const run = await runs.create({
      project,
      experimentId: '0',
      userId: 'u',
      name: '',
      startTime: 1,
      tags: [],
    })
    await traces.linkToRun(project, [idOf(1), idOf(404)], run.run_id)
    const say = async (trace: number, name: string, value: unknown) =>
      assessments.create(await traces.get(project, idOf(trace)), {
        assessment_name: name,
        feedback: { value },
      })
    await say(1, 'score', 0.5)
    await say(2, 'score', true)
    await say(3, 'score', 'high')
    expect(await find("span.attributes.model = 'gpt'")).toEqual([idOf(1)])
    expect(await find("span.attributes.model LIKE '%\\%%'")).toEqual([])
    expect(await find("span.attributes.model LIKE '100_'")).toEqual([idOf(2)])
    expect(await find("span.name ILIKE '%ünï'")).toEqual([idOf(2)])
    expect(await find("span.status = 'ERROR'")).toEqual([idOf(3)])
    expect(await find(`run_id = '${run.run_id}'`)).toEqual([idOf(1)])
    expect(await find('feedback.score >= 0.5', ['request_id ASC'])).toEqual([idOf(1), idOf(2)])
    expect(await find("feedback.score = 'high'")).toEqual([idOf(3)])
    expect(await find("feedback.score != 'high'", ['request_id ASC'])).toEqual([idOf(1), idOf(2)])
    expect(await find("name RLIKE '^s[0-9]$'", ['request_id DESC'])).toEqual([idOf(3), idOf(1)])
    await expect(find("name RLIKE '('")).rejects.toMatchObject({ code: 'INVALID_PARAMETER_VALUE' })
  })

  test('another project sees none of it', async () => {
    const one = open()
    const other = open()
    await one.send(span({ trace: 7, id: 1 }))
    await other.send(span({ trace: 7, id: 1, status: 2 }))
    expect((await one.traces.get(one.project, idOf(7))).state).toBe('OK')
    expect((await other.traces.get(other.project, idOf(7))).state).toBe('ERROR')
    await other.store.remove({
      project: other.project,
      experimentId: 0,
      traceIds: [idOf(7)],
      maxTimestampMs: undefined,
      maxTraces: undefined,
    })
    expect(await other.find('')).toEqual([])
    expect(await one.find('')).toEqual([idOf(7)])
  })
})

test('a pattern that would hold a backtracking engine for ages is answered at once', async () => {
  const { createNodeSqlite } = await import('../../../platform/database/node-sqlite.ts')
  const { createRegexp } = await import('../../../platform/database/regexp.ts')
  const { raw } = createNodeSqlite(':memory:')
  await createRegexp(raw)('^(a+)+$')
  const row = raw.prepare('select ? regexp ? as hit').get(`${'a'.repeat(40)}b`, '^(a+)+$')
  expect(row).toEqual({ hit: 0 })
  raw.close()
})

test('NUL, which no database holds, is replaced in names and values', async () => {
  const body = JSON.stringify({
    resourceSpans: [
      {
        scopeSpans: [
          { spans: [{ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), name: 'a\0b' }] },
        ],
      },
    ],
  })
  const [read] = await readOtlp(Buffer.from(body), { isJson: true, encoding: '' })
  expect(read?.spans[0]?.name).toBe('a\uFFFDb')
})

test('a bomb of zeros is refused before it is whole in memory', async () => {
  const { gzipSync } = await import('node:zlib')
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024))
  await expect(readOtlp(bomb, { isJson: true, encoding: 'gzip' })).rejects.toMatchObject({
    status: 400,
  })
})

test('a ring of parents ends', () => {
  const ring = (id: string, parent: string) => ({
    span_id: id,
    parent_id: parent,
    attributes: '{"gen_ai.usage.input_tokens":"1"}',
  })
  expect(usageOf([ring('a', 'b'), ring('b', 'a')])).toBeNull()
})

test('filters that go together have npmi 1, those that never do -1, independent ones 0', () => {
  expect(correlation({ first: 5, second: 5, both: 5, total: 10 })).toMatchObject({ npmi: 1 })
  expect(correlation({ first: 5, second: 5, both: 0, total: 10 })).toMatchObject({ npmi: -1 })
  expect(correlation({ first: 50, second: 50, both: 25, total: 100 })).toMatchObject({
    npmi: expect.closeTo(0, 10) as number,
  })
})
