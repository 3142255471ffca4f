import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** The objects of a file with one JSON object a line, in lists of at most `size`; `-` reads standard input. Throws with the number of the first line that is none. */
export async function* readNdjson(
  file: string,
  size: number
): AsyncGenerator<readonly Readonly<Record<string, unknown>>[]> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  let batch: Record<string, unknown>[] = []
  let number = 0
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    number += 1
    if (line.trim() === '') continue
    batch.push(parseObject(line, `${file}, line ${number}`))
    if (batch.length === size) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

/** One JSON object; anything else throws and names where it stood. */
export function parseObject(text: string, where: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`${where}: is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${where}: is not a JSON object`)
  return { ...value }
}
