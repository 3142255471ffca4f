import { AppError, messageOf } from '../../kernel/errors.ts'
import type { KafkaRecord } from '../../platform/kafka/index.ts'
import type { Serving } from '../serving/index.ts'
import type { StreamRecord } from './store.ts'

/** A record to write: scored, or as it came with the reason in its headers. */
export type Written = Readonly<{
  topic: string
  key?: Buffer
  value: Buffer
  headers: Map<Buffer, Buffer>
}>

export type ScoredBatch = Readonly<{ written: Written[]; scored: number; deadLettered: number }>

/** Records of one micro-batch in flight at once: fewer than a variant's queue holds. */
const AT_ONCE = 256
/** When this many records all break the model, it is the model that is sick, not they. */
const SICK_FROM = 20

/** Names of a stream's topics and group that its declaration leaves open. */
export const deadLetterOf = ({ declared }: StreamRecord): string =>
  declared.deadLetter ?? `${declared.input}.dlq`
export const groupOf = ({ declared, project, name }: StreamRecord): string =>
  declared.group ?? `trestle.${project}.${name}`

/**
 * Scores records as the prediction route would, in their order: the record's key is the sticky key, its headers are the request's. What is the
 * record's own fault goes to the dead letter. Throws what is not: the batch is then tried again as a whole.
 */
export async function scoreRecords(
  predict: Serving['predictJson'],
  stream: StreamRecord,
  records: readonly KafkaRecord[]
): Promise<ScoredBatch> {
  const written: Written[] = []
  let deadLettered = 0
  let broken = 0
  for (let from = 0; from < records.length; from += AT_ONCE) {
    const some = records.slice(from, from + AT_ONCE)
    const results = await Promise.allSettled(
      some.map((record) => scoreOne(predict, stream, record))
    )
    for (const [i, result] of results.entries()) {
      const record = some[i]
      if (record === undefined) continue
      if (result.status === 'fulfilled') {
        written.push(result.value)
        continue
      }
      const error: unknown = result.reason
      if (!isRecordsFault(error)) throw error
      if (error.code === 'serving.model_failed') broken++
      deadLettered++
      written.push(deadLetter(stream, record, error))
    }
  }
  if (broken === records.length && broken >= SICK_FROM)
    throw new Error(`The model failed on all ${broken} records of a batch`)
  return { written, scored: records.length - deadLettered, deadLettered }
}

async function scoreOne(
  predict: Serving['predictJson'],
  stream: StreamRecord,
  record: KafkaRecord
): Promise<Written> {
  const key = record.key as Buffer | null
  const answer = await predict({
    project: stream.project,
    endpoint: stream.declared.endpoint,
    requestId: `${record.topic}:${record.partition}:${record.offset}`,
    header: (name) =>
      name === 'x-trestle-sticky-key' && key !== null ? key.toString() : headerOf(record, name),
    body: record.value,
  })
  const headers = new Map(record.headers)
  headers.set(Buffer.from('trestle-prediction-id'), Buffer.from(answer.predictionId))
  headers.set(Buffer.from('trestle-variant'), Buffer.from(answer.variant))
  return {
    topic: stream.declared.output,
    ...(key === null ? {} : { key }),
    value: Buffer.from(answer.json),
    headers,
  }
}

function headerOf(record: KafkaRecord, name: string): string | undefined {
  for (const [key, value] of record.headers)
    if (key.toString().toLowerCase() === name) return value.toString()
  return undefined
}

const FAULTS: ReadonlySet<string> = new Set([
  'request.malformed',
  'request.invalid',
  'request.too_large',
  'serving.model_failed',
])
const isRecordsFault = (error: unknown): error is AppError =>
  error instanceof AppError && FAULTS.has(error.code)

function deadLetter(stream: StreamRecord, record: KafkaRecord, error: AppError): Written {
  const headers = new Map(record.headers)
  const told = {
    'trestle-error': messageOf(error),
    'trestle-error-code': error.code,
    'trestle-source': `${record.topic}:${record.partition}:${record.offset}`,
    'trestle-stream': stream.name,
  }
  for (const [name, value] of Object.entries(told))
    headers.set(Buffer.from(name), Buffer.from(value))
  const key = record.key as Buffer | null
  return {
    topic: deadLetterOf(stream),
    ...(key === null ? {} : { key }),
    value: record.value,
    headers,
  }
}
