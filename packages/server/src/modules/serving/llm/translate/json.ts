import { isRecord } from '../../named-inputs.ts'

/** A parsed JSON object of somebody else. */
export type Json = Readonly<Record<string, unknown>>

/** The objects of a list; of anything else, none. */
export const listOf = (value: unknown): Json[] =>
  Array.isArray(value) ? value.filter(isRecord) : []

/** Text as an object; what is none is empty: models write arguments that do not always parse. */
export function parseObject(text: unknown): Json {
  if (typeof text !== 'string' || text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : {}
  } catch {
    return {}
  }
}

export const dropAbsent = (object: Json): Json =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
