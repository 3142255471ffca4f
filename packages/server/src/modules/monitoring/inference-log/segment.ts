import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { crc32 } from 'node:zlib'
import type { LogRecord } from './record.ts'
import { decodeBlock, encodeBlock, recordsOf, type WireBlock } from './record-block.ts'

/** One file of the write-ahead log: its records, in order, have the sequences from `first` on. */
export type Segment = Readonly<{ first: number; path: string }>

const NAME = /^(\d{16})\.wal$/

export const segmentName = (first: number): string => `${String(first).padStart(16, '0')}.wal`

/** The first sequence number of a segment file, or null for another file. */
export function firstOfName(name: string): number | null {
  const match = NAME.exec(name)
  return match === null ? null : Number(match[1])
}

/** A checksum, a block of records, a newline: a line that was cut short by a crash, or rotted, is told from a whole one. */
export function frame(block: readonly LogRecord[]): string {
  const json = encodeBlock(block)
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`
}

/** Reads the blocks of a segment that begin before `before`, and stops at the first line that is not whole: nothing after a tear was acknowledged. */
export async function* readBlocks(
  segment: Segment,
  before: number
): AsyncGenerator<{ sequence: number; block: WireBlock }> {
  const input = createReadStream(segment.path, { highWaterMark: 256 * 1024 })
  try {
    let sequence = segment.first
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      const json = line.slice(9)
      if (sequence >= before || line.slice(0, 8) !== crc32(json).toString(16).padStart(8, '0'))
        return
      const block = decodeBlock(json)
      yield { sequence, block }
      sequence += block.count
    }
  } finally {
    input.destroy()
  }
}

/** Reads the records of a segment up to `before`. */
export async function* readSegment(
  segment: Segment,
  before: number
): AsyncGenerator<{ sequence: number; record: LogRecord }> {
  for await (const { sequence, block } of readBlocks(segment, before)) {
    for (const [i, record] of recordsOf(block).entries()) {
      if (sequence + i >= before) return
      yield { sequence: sequence + i, record }
    }
  }
}
