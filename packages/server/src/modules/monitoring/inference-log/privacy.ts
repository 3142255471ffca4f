import { createHmac } from 'node:crypto'
import { bucketOf, BUCKETS } from '../../../kernel/bucket.ts'
import type { Scalar } from '../../../kernel/scalar.ts'
import type { InferenceCompleted, LoggedColumn } from '../../serving/index.ts'
import type { LogRecord } from './record.ts'

/** What the log keeps of an endpoint. */
export type LogSettings = Readonly<{
  /** Share of requests whose inputs are kept and can be looked up, 0 to 1. Counts, latency and outputs are always kept. */
  samplingRate: number
  /** Columns (inputs, outputs, entity keys) that never reach the disk: `drop` keeps no value, `hash` a keyed hash that can still be joined on. */
  masks: Readonly<Record<string, 'drop' | 'hash'>>
}>

export const LOG_EVERYTHING: LogSettings = { samplingRate: 1, masks: {} }

/** The record to write for an event. A live request and its shadow are sampled alike, or their pairs would be lost. */
export function toRecord(
  event: InferenceCompleted,
  settings: LogSettings,
  maskKey: string
): LogRecord {
  const isSampled =
    settings.samplingRate >= 1 ||
    bucketOf('inference-log', event.pairedWith ?? event.predictionId) <
      settings.samplingRate * BUCKETS
  const masked = isEmpty(settings.masks) ? event : maskEvent(event, settings.masks, maskKey)
  return {
    event: isSampled ? masked : { ...masked, inputs: [], inputTable: null, entities: {} },
    isSampled,
  }
}

function isEmpty(masks: LogSettings['masks']): boolean {
  for (const _column in masks) return false
  return true
}

function maskEvent(
  event: InferenceCompleted,
  masks: LogSettings['masks'],
  key: string
): InferenceCompleted {
  const column = (c: LoggedColumn): LoggedColumn => {
    const mask = masks[c.name]
    if (mask === undefined) return c
    const values = Array.from(c.values, (v) => (v === null ? null : maskValue(v, mask, key)))
    return mask === 'hash' ? { name: c.name, type: 'string', values } : { ...c, values }
  }
  const entities: Record<string, Scalar> = {}
  for (const [name, value] of Object.entries(event.entities)) {
    const mask = masks[name]
    const kept = mask === undefined ? value : maskValue(value, mask, key)
    if (kept !== null) entities[name] = kept
  }
  // The sticky key is often the entity's own id: with any entity masked it must not leak beside it.
  const isStickyMasked = Object.keys(event.entities).some((name) => masks[name] !== undefined)
  const stickyKey =
    event.stickyKey !== null && isStickyMasked
      ? maskValue(event.stickyKey, 'hash', key)
      : event.stickyKey
  return {
    ...event,
    stickyKey,
    entities,
    inputs: event.inputs.map(column),
    inputTable: null,
    outputs: event.outputs.map(column),
  }
}

function maskValue(value: Scalar, mask: 'drop' | 'hash', key: string): string | null {
  if (mask === 'drop') return null
  return createHmac('sha256', key)
    .update(`${typeof value}:${String(value)}`)
    .digest('hex')
    .slice(0, 32)
}
