import type { FeatureType, KeyType } from '@trestle/contract'

/** A declared field: its type on the wire, and the type that a reader of it gets. */
export interface Field<T = unknown, W extends FeatureType = FeatureType> {
  readonly type: W
  readonly description: string
  /** What a reader gets where there is no valid row; null for nothing. */
  readonly missing: T | null
  /** The same field with a description. */
  describe(text: string): Field<T, W>
  /** The same field with a value for readers, online and in training sets, where there is no valid row. A null that was stored stays null. */
  default(value: T): Field<T, W>
  /** Only for inference; never there at run time. */
  readonly value?: T
}

/** A 64-bit integer: a number, or a bigint beyond 2^53. */
export type Integer = number | bigint

const field = <T, W extends FeatureType>(
  type: W,
  description = '',
  missing: T | null = null
): Field<T, W> => ({
  type,
  description,
  missing,
  describe: (text) => field(type, text, missing),
  default: (value) => field(type, description, value),
})

/** A field of a type that is known only at run time. */
export const fieldOf = (type: FeatureType, description: string): Field => field(type, description)

/** Builders of fields: `f.float64()`, `f.int64().describe('Trips today')`. */
export const f = {
  float32: () => field<number, 'float32'>('float32'),
  float64: () => field<number, 'float64'>('float64'),
  int32: () => field<number, 'int32'>('int32'),
  int64: () => field<Integer, 'int64'>('int64'),
  string: () => field<string, 'string'>('string'),
  bool: () => field<boolean, 'bool'>('bool'),
  timestamp: () => field<Date, 'timestamp'>('timestamp'),
}

export type Fields = Readonly<Record<string, Field>>
/** No fields: neutral when types are intersected, which a record of `never` is not. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- the empty type is meant
export type NoFields = {}
export type KeyFields = Readonly<Record<string, Field<unknown, KeyType>>>

type ValueOf<F> = F extends Field<infer T> ? T : never

/** The values of fields. */
export type ValuesOf<S extends Fields> = { [K in keyof S]: ValueOf<S[K]> }

/** The values of stored fields: anything stored may be missing, so every reader has to say what then. */
export type StoredValuesOf<S extends Fields> = { [K in keyof S]: ValueOf<S[K]> | null }
