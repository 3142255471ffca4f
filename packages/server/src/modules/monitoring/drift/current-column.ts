import type { Scalar } from '../../../kernel/scalar.ts'
import { countCategories, isMissing, toCategory, type ColumnValues } from './column-values.ts'
import type { ReferenceColumn } from './reference.ts'

/** A column of a window, read as its reference is. What cannot be read so is counted as invalid and left out. */
export type CurrentColumn = Readonly<{
  /** Rows of the window. */
  total: number
  missing: number
  invalid: number
}> &
  (
    | Readonly<{ kind: 'numeric'; numbers: Float64Array }>
    | Readonly<{
        kind: 'categorical'
        counts: ReadonlyMap<string, number>
        /** Values in categories beyond those counted, none of them of the reference. */
        other: number
      }>
    | Readonly<{ kind: 'text'; texts: readonly string[] }>
    | Readonly<{ kind: 'embedding'; vectors: readonly Float64Array[] }>
  )

/** Reads values as `kind`. Log rows hold no embeddings: an embedding column is then invalid throughout. */
export function readAs(kind: ReferenceColumn['kind'], { values }: ColumnValues): CurrentColumn {
  const present = values.filter((value): value is Scalar => !isMissing(value))
  const about = { total: values.length, missing: values.length - present.length }
  switch (kind) {
    case 'numeric': {
      const numbers = present.filter((value) => typeof value !== 'string')
      const invalid = present.length - numbers.length
      return { kind, ...about, invalid, numbers: Float64Array.from(numbers, Number) }
    }
    case 'categorical':
      return {
        kind,
        ...about,
        invalid: 0,
        counts: countCategories(present.map(toCategory)),
        other: 0,
      }
    case 'text': {
      const texts = present.filter((value) => typeof value === 'string')
      return { kind, ...about, invalid: present.length - texts.length, texts }
    }
    case 'embedding':
      return { kind, ...about, invalid: present.length, vectors: [] }
  }
}
