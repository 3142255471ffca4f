import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { fail } from '../../../platform/errors.ts'
import { addDirectRoute, refuseWithProblem } from '../../../platform/http/index.ts'
import type { FeatureStore } from '../feature-store.ts'
import { wantedOf, type Wanted } from '../selection.ts'
import { toWire } from '../value.ts'
import { writeRows } from './write-rows.ts'

const HEADERS = { 'content-type': 'application/json; charset=utf-8' }

/** Trestle's own read of online features. A plain request is answered without its values being made; every other goes by the contract's schema. */
export function addOnlineRoute(app: FastifyInstance, store: FeatureStore): void {
  addDirectRoute(app, {
    url: api.features.online.path,
    refuse: refuseWithProblem,
    async answer({ body, project }) {
      const given = parse(body)
      const now = store.now()
      const plain = plainOf(given)
      if (plain !== null) {
        const found = store.onlineTexts(store.select(project, plain.wanted), { ...plain, now })
        const texts = found instanceof Promise ? await found : found
        if (texts !== null)
          return {
            status: 200,
            headers: HEADERS,
            body: writeRows(texts.plan, texts.reads, { count: texts.count, at: now }),
          }
      }
      return { status: 200, headers: HEADERS, body: await slowly(store, { given, project, now }) }
    },
  })
}

async function slowly(
  store: FeatureStore,
  { given, project, now }: { given: unknown; project: string; now: number }
): Promise<string> {
  const parsed = api.features.online.body.safeParse(given)
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => ({
      in: 'body',
      path: issue.path.join('.'),
      message: issue.message,
    }))
    const [first] = issues
    const where = first === undefined || first.path === '' ? '' : `${first.path}: `
    throw fail(
      'request.invalid',
      `${where}${first?.message ?? 'not valid'}${issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''}`,
      { details: { issues } }
    )
  }
  const { rows, deadlineMs } = parsed.data
  const answer = await store.online({
    project,
    wanted: wantedOf(parsed.data),
    rows,
    now,
    deadlineMs,
  })
  return JSON.stringify({
    at: now,
    names: answer.names,
    values: answer.values.map((row) => row.map(toWire)),
    statuses: answer.statuses,
    eventTimes: answer.eventTimesUs.map((row) =>
      row.map((us) => (us === null ? null : Math.floor(us / 1000)))
    ),
  })
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown
  } catch (error) {
    throw fail('request.malformed', 'The body is not JSON', { cause: error })
  }
}

const KNOWN = new Set(['service', 'features', 'fullNames', 'rows'])

/** A request whose rows all have the same few keys, as columns. Null: the schema has to say what it is. */
function plainOf(given: unknown): { wanted: Wanted; columns: Record<string, unknown[]> } | null {
  if (typeof given !== 'object' || given === null) return null
  const { service, features, fullNames = false, rows } = given as Record<string, unknown> // an object, by the line before
  for (const name in given) if (!KNOWN.has(name)) return null
  if (typeof fullNames !== 'boolean' || !Array.isArray(rows)) return null
  if (rows.length === 0 || rows.length > 10_000) return null
  const columns: Record<string, unknown[]> = {}
  const [first] = rows as unknown[]
  if (typeof first !== 'object' || first === null) return null
  const names = Object.keys(first)
  for (const name of names) columns[name] = []
  for (const row of rows as unknown[]) {
    if (typeof row !== 'object' || row === null || Object.keys(row).length !== names.length)
      return null
    for (const name of names) columns[name]?.push((row as Record<string, unknown>)[name]) // as above
  }
  if (typeof service === 'string' && features === undefined)
    return { wanted: { service, fullNames }, columns }
  const isList = Array.isArray(features) && features.every((f) => typeof f === 'string')
  return isList && features.length > 0 && service === undefined
    ? { wanted: { features, fullNames }, columns }
    : null
}
