import { stripTypeScriptTypes } from 'node:module'
import type { FeatureType, OnDemandManifest } from '@trestle/contract'
import { messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import { startScript, type ScriptProcess } from '../../../platform/script/index.ts'
import { parseValue, type Value } from '../value.ts'

type Field = Readonly<{ name: string; type: FeatureType; slot: number }>

/** A TypeScript function of an on-demand view, with where its arguments and results lie among a row's values. */
export type Transform = Readonly<{
  view: string
  source: string
  inputs: readonly Readonly<{ as: string; fields: readonly Field[] }>[]
  request: readonly Field[]
  outputs: readonly Field[]
}>

/** For a call with all rows of a request, or of one chunk of a training set. */
const TIMEOUT_MS = 10_000
const MEMORY_MB = 128

/** Runs transforms, online and for training sets alike, each in a process without rights to files, processes and the environment. */
export interface Transforms {
  /** Computes every row's results into its slots. Throws `features.transform_failed`, naming view and feature. */
  run(transform: Transform, rows: readonly Value[][]): Promise<void>
  /** Throws `request.invalid` when the function does not load, or uses what is not inside it. */
  check(view: OnDemandManifest): Promise<void>
  /** Ends the processes of functions that are not declared any more. */
  keepOnly(sources: ReadonlySet<string>): void
  stop(): void
}

export function createTransforms(settings: { isAllowed: boolean }): Transforms {
  const processes = new Map<string, Promise<ScriptProcess>>()
  const processOf = (source: string): Promise<ScriptProcess> => {
    const known = processes.get(source)
    if (known !== undefined) return known
    if (!settings.isAllowed)
      return Promise.reject(new Error('code is turned off (TRESTLE_SCRIPTS=off)'))
    const started = start(source)
    processes.set(source, started)
    started.catch(() => processes.delete(source))
    return started
  }
  const end = (source: string): void => {
    void processes.get(source)?.then(
      (process) => process.close(),
      () => undefined
    )
    processes.delete(source)
  }

  return {
    async run(transform, rows) {
      const failed = (why: string, cause?: unknown) =>
        fail('features.transform_failed', `On-demand view "${transform.view}": ${why}`, {
          details: { view: transform.view },
          cause,
        })
      let results: unknown
      try {
        const process = await processOf(transform.source)
        results = await process.predict(
          rows.map((row) => argumentOf(transform, row)),
          ''
        )
      } catch (error) {
        throw failed(messageOf(error), error)
      }
      if (!Array.isArray(results) || results.length !== rows.length)
        throw failed('its transform gives nothing')
      rows.forEach((row, i) => {
        const result = (results as unknown[])[i]
        for (const { name, type, slot } of transform.outputs) {
          const given = isRecord(result) ? result[name] : null
          const value = parseValue(type, given instanceof Date ? given.getTime() : given)
          if (value === undefined)
            throw failed(`its transform gives ${typeof given} for "${name}", which is ${type}`)
          row[slot] = value
        }
      })
    },
    async check({ name, transform, inputs, request }) {
      if (transform === null) return
      const refuse = (why: string) =>
        fail('request.invalid', `The transform of on-demand view "${name}" ${why}`, {
          details: { view: name },
        })
      const process = await processOf(transform.source).catch((error: unknown) => {
        throw refuse(`does not load: ${messageOf(error)}`)
      })
      const sample = Object.fromEntries(request.map((r) => [r.name, SAMPLES[r.type]]))
      const views = inputs.map((i) => [
        i.as ?? i.view,
        Object.fromEntries(i.features.map((feature) => [feature, null])),
      ])
      const row: unknown = { ...Object.fromEntries(views), request: sample }
      await process.predict([row], '').catch((error: unknown) => {
        const unknown = /ReferenceError: (.*) is not defined/.exec(messageOf(error))?.[1]
        if (unknown !== undefined)
          throw refuse(
            `uses "${unknown}", which is not inside it: the server has the function alone`
          )
      })
    },
    keepOnly(sources) {
      for (const source of processes.keys()) if (!sources.has(source)) end(source)
    },
    stop() {
      for (const source of processes.keys()) end(source)
    },
  }
}

/** All of a selection's. */
export async function runTransforms(
  transforms: Transforms,
  selection: Readonly<{ transforms: readonly Transform[] }>,
  rows: readonly Value[][]
): Promise<void> {
  if (rows.length === 0) return
  for (const transform of selection.transforms) await transforms.run(transform, rows)
}

const SAMPLES: Readonly<Record<FeatureType, unknown>> = {
  float32: 1,
  float64: 1,
  int32: 1,
  int64: 1,
  string: 'a',
  bool: true,
  timestamp: new Date(0),
}

async function start(source: string): Promise<ScriptProcess> {
  const code = stripTypeScriptTypes(`const transform = (${source}\n);`)
  return startScript({
    source: `${code}\nexport default { predict: (rows) => rows.map((row) => transform(row)) }`,
    timeoutMs: TIMEOUT_MS,
    memoryMb: MEMORY_MB,
  })
}

const shown = (value: Value, type: FeatureType): unknown =>
  type === 'timestamp' && value !== null ? new Date(Number(value)) : value

const valuesOf = (fields: readonly Field[], row: readonly Value[]): Record<string, unknown> =>
  Object.fromEntries(fields.map((f) => [f.name, shown(row[f.slot] ?? null, f.type)]))

const argumentOf = (transform: Transform, row: readonly Value[]): Record<string, unknown> => ({
  ...Object.fromEntries(transform.inputs.map((i) => [i.as, valuesOf(i.fields, row)])),
  request: valuesOf(transform.request, row),
})

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
