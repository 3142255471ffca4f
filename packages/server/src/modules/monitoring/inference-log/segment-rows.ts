import { createWriteStream, type WriteStream } from 'node:fs'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hourOf } from '../../../kernel/hour.ts'
import { toRowColumns, type RowColumn, type SqlType } from './row-columns.ts'
import { readBlocks, type Segment } from './segment.ts'

/** The rows of one endpoint and hour of a segment: a file whose lines are objects of columns (lists of one length), and the types of those. */
export type RowFile = Readonly<{
  at: { project: string; endpoint: string; hour: number }
  columns: readonly (readonly [name: string, type: SqlType])[]
  path: string
}>

type Group = { at: RowFile['at']; columns: Map<string, SqlType>; path: string; file: WriteStream }

/** Sorts the sampled records of a segment into one file per endpoint and hour below `scratch`. */
export async function sortSegment(
  segment: Segment & { before: number },
  scratch: string
): Promise<RowFile[]> {
  await mkdir(scratch, { recursive: true })
  const groups = new Map<string, Group>()
  try {
    for await (const { block } of readBlocks(segment, segment.before)) {
      if (!block.sampled) continue
      const columns = toRowColumns(block)
      for (const part of byHour(columns)) {
        const at = { project: block.same.project, endpoint: block.same.endpoint, hour: part.hour }
        const key = `${at.project}/${at.endpoint}/${at.hour}`
        let group = groups.get(key)
        if (group === undefined) {
          const path = join(scratch, `${segment.first}-${groups.size}.ndjson`)
          group = { at, columns: new Map(), path, file: createWriteStream(path) }
          groups.set(key, group)
        }
        for (const [name, { type }] of part.columns) widen(group.columns, name, type)
        if (!group.file.write(toLine(part.columns))) await once(group.file, 'drain')
      }
    }
  } finally {
    for (const { file } of groups.values()) {
      file.end()
      await once(file, 'close')
    }
  }
  return [...groups.values()].map(({ at, columns, path }) => ({ at, columns: [...columns], path }))
}

type Part = { hour: number; columns: ReadonlyMap<string, RowColumn> }

/** Nearly always one part: a block is a few milliseconds of traffic. */
function byHour(columns: ReadonlyMap<string, RowColumn>): Part[] {
  const hours = (columns.get('at')?.values ?? []).map((at) => hourOf(Number(at)))
  const [first] = hours
  if (first === undefined) return []
  if (hours.every((hour) => hour === first)) return [{ hour: first, columns }]
  return [...new Set(hours)].map((hour) => ({
    hour,
    columns: new Map(
      [...columns].map(([name, { type, values }]) => [
        name,
        { type, values: values.filter((_, row) => hours[row] === hour) },
      ])
    ),
  }))
}

/** Two versions of a model may disagree on a column's type: numbers meet in DOUBLE, all else in VARCHAR. */
function widen(columns: Map<string, SqlType>, name: string, wanted: SqlType): void {
  const known = columns.get(name)
  if (known === undefined) columns.set(name, wanted)
  else if (known !== wanted)
    columns.set(
      name,
      [known, wanted].every((t) => t === 'DOUBLE' || t === 'BIGINT') ? 'DOUBLE' : 'VARCHAR'
    )
}

const toLine = (columns: ReadonlyMap<string, RowColumn>): string =>
  `{${[...columns].map(([name, { values }]) => `${JSON.stringify(name)}:${JSON.stringify(values)}`).join(',')}}\n`
