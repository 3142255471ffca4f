import { z } from 'zod'
import { epochMs, name, nothing } from './names.ts'
import { route } from './route.ts'

const tag = 'Streams'
const byName = z.object({ name })
const topic = z
  .string()
  .min(1)
  .max(249)
  .regex(/^[A-Za-z0-9._-]+$/, 'is no name of a Kafka topic')

const declaredStream = z.strictObject({
  endpoint: name,
  /** Records with a JSON object as value: what `POST /endpoints/:endpoint/predict` takes. */
  input: topic,
  /** Gets what that route answers, with the record's key and headers. */
  output: topic,
  /** Records that can't be scored, as they came, with the reason in their headers. By default `<input>.dlq`. */
  deadLetter: topic.exactOptional(),
  /** The consumer group; by default `trestle.<project>.<name>`. */
  group: z.string().min(1).max(200).exactOptional(),
  /** A micro-batch goes out with this many records, or this long after its first. */
  maxRows: z.int().min(1).max(10_000).default(500),
  maxWaitMs: z.int().min(0).max(10_000).default(20),
  isPaused: z.boolean().default(false),
})
export type DeclaredStream = z.output<typeof declaredStream>

const stream = z.object({
  name: z.string(),
  project: z.string(),
  ...declaredStream.shape,
  deadLetter: topic,
  group: z.string(),
  /** Of this server: `waiting` tells of a broker or a model that does not answer, and tries again. */
  state: z.enum(['starting', 'running', 'waiting', 'paused']),
  /** Why it waits; null otherwise. */
  error: z.string().nullable(),
  /** Since this server started. */
  records: z.object({ scored: z.int(), deadLettered: z.int() }),
  /** Records that wait in the partitions which this server reads; null while it reads none. */
  lag: z.int().nullable(),
  createdAt: epochMs,
})
export type Stream = z.output<typeof stream>

export const streams = {
  putStream: route({
    method: 'PUT',
    path: '/api/streams/:name',
    role: 'operator',
    tag,
    summary: 'Score a Kafka topic into another, each record exactly once',
    params: byName,
    body: declaredStream,
    response: stream,
    errors: ['streams.no_kafka', 'serving.endpoint_not_found', 'request.invalid'],
  }),
  listStreams: route({
    method: 'GET',
    path: '/api/streams',
    role: 'viewer',
    tag,
    summary: 'List streams',
    response: z.object({ items: z.array(stream) }),
  }),
  getStream: route({
    method: 'GET',
    path: '/api/streams/:name',
    role: 'viewer',
    tag,
    summary: 'A stream and how it goes',
    params: byName,
    response: stream,
    errors: ['streams.stream_not_found'],
  }),
  pauseStream: route({
    method: 'POST',
    path: '/api/streams/:name/pause',
    role: 'operator',
    tag,
    summary: 'Take no more records until it is resumed',
    params: byName,
    response: stream,
    errors: ['streams.stream_not_found'],
  }),
  resumeStream: route({
    method: 'POST',
    path: '/api/streams/:name/resume',
    role: 'operator',
    tag,
    summary: 'Go on where it stood',
    params: byName,
    response: stream,
    errors: ['streams.stream_not_found'],
  }),
  deleteStream: route({
    method: 'DELETE',
    path: '/api/streams/:name',
    role: 'operator',
    tag,
    summary: 'Forget a stream; its topics and its group stay',
    params: byName,
    response: nothing,
    errors: ['streams.stream_not_found'],
  }),
}
