import { randomHexId } from '../../../kernel/ids.ts'
import type { Clock } from '../../../kernel/clock.ts'
import { fail } from '../../../platform/errors.ts'
import type { LiveEndpoint, LiveVariant } from '../fleet.ts'
import type { InferenceCompleted } from '../inference-event.ts'
import { loggedColumns } from '../logged-columns.ts'
import { rowsOf, type Tensor } from '../tensor.ts'
import type { PayloadEvent } from './cloud-event.ts'
import { readAnswered, readAsked } from './read-payload.ts'

export type CollectorLimits = Readonly<{
  /** Halves that wait for their other half; the oldest is given up when there are more. */
  maxWaiting: number
  maxWaitingBytes: number
  /** How long one waits. */
  waitMs: number
  /** Paired ids that are remembered, so that an event that comes twice counts once. */
  maxRemembered: number
}>

export const COLLECTOR_LIMITS: CollectorLimits = {
  maxWaiting: 10_000,
  maxWaitingBytes: 64 * 1024 * 1024,
  waitMs: 5 * 60_000,
  maxRemembered: 100_000,
}

export type Collected = 'paired' | 'waiting' | 'duplicate'

/**
 * Makes predictions of the events of an inference logger: the halves of one may come in either order, late, twice or never. One whose other half
 * does not come is given up and counted: what was asked and never answered tells nothing of the model.
 */
export interface Collector {
  /** Throws `request.invalid` for an event that can't be read. `bytes` is what it holds in memory. */
  collect(endpoint: LiveEndpoint, event: PayloadEvent, bytes: number): Collected
  /** Gives up what has waited too long. */
  sweep(): void
  readonly waiting: number
}

type Half = Readonly<{
  event: PayloadEvent
  tensors: readonly Tensor[]
  at: number
  bytes: number
  endpoint: string
}>

export function createCollector(deps: {
  clock: Clock
  limits: CollectorLimits
  /** Told of each prediction that is whole. */
  tell: (event: InferenceCompleted) => void
  /** Told of each half that was given up. */
  lost: (endpoint: string) => void
}): Collector {
  const { clock, limits } = deps
  const halves = new Map<string, Half>() // oldest first
  const paired = new Set<string>()
  let heldBytes = 0

  const drop = (key: string, half: Half): void => {
    halves.delete(key)
    heldBytes -= half.bytes
  }
  const sweep = (): void => {
    const now = clock.now()
    for (const [key, half] of halves) {
      const isTooMuch = halves.size > limits.maxWaiting || heldBytes > limits.maxWaitingBytes
      if (!isTooMuch && now - half.at <= limits.waitMs) break
      drop(key, half)
      deps.lost(half.endpoint)
    }
  }

  return {
    sweep,
    get waiting() {
      return halves.size
    },
    collect(endpoint, event, bytes) {
      const key = `${endpoint.stored.id}/${event.id}`
      const other = halves.get(key)
      if (paired.has(key) || other?.event.kind === event.kind) return 'duplicate'
      const variant = variantOf(endpoint, event)
      const read = event.kind === 'request' ? readAsked : readAnswered
      const tensors = read(event.data, variant.served)
      const { name } = endpoint.stored
      const half: Half = { event, tensors, at: clock.now(), bytes, endpoint: name }
      if (other === undefined) {
        halves.set(key, half)
        heldBytes += bytes
        sweep()
        return 'waiting'
      }
      drop(key, other)
      remember(paired, key, limits.maxRemembered)
      const [asked, answered] = event.kind === 'request' ? [half, other] : [other, half]
      deps.tell(toPrediction({ endpoint, variant }, asked, answered))
      return 'paired'
    },
  }
}

function remember(ids: Set<string>, id: string, most: number): void {
  ids.add(id)
  if (ids.size <= most) return
  for (const oldest of ids) {
    ids.delete(oldest)
    return
  }
}

/** The variant that the event names, else the one with most traffic. */
function variantOf({ stored, variants }: LiveEndpoint, event: PayloadEvent): LiveVariant {
  const [most] = stored.traffic.weights.toSorted((a, b) => b.basisPoints - a.basisPoints)
  const variant = variants.get(event.variant ?? '') ?? variants.get(most?.variant ?? '')
  if (variant === undefined)
    throw fail('serving.not_ready', `Endpoint "${stored.name}" has no variant with traffic`)
  return variant
}

const SAFE_ID = /^[\w.:-]{1,100}$/
const LONGEST_MS = 3_600_000

function toPrediction(
  { endpoint: { stored }, variant }: { endpoint: LiveEndpoint; variant: LiveVariant },
  asked: Half,
  answered: Half
): InferenceCompleted {
  const { id } = asked.event
  const [first] = asked.tensors
  const at = asked.event.time ?? asked.at
  const took = (answered.event.time ?? answered.at) - at
  return {
    predictionId: SAFE_ID.test(id) ? id : randomHexId(),
    requestId: id,
    project: stored.project,
    endpoint: stored.name,
    endpointId: stored.id,
    variant: variant.name,
    model: variant.model,
    role: 'live',
    isForced: true, // our traffic did not deal it
    pairedWith: null,
    at,
    latencyMs: took >= 0 && took <= LONGEST_MS ? took : 0,
    stages: { featuresMs: 0, queueMs: 0, computeMs: 0 },
    busyMs: 0, // no device of ours
    device: 'remote',
    status: 'ok',
    errorCode: null,
    stickyKey: null,
    apiKeyId: null,
    entities: {},
    rows: first === undefined ? 0 : rowsOf(first),
    inputs: loggedColumns(asked.tensors, variant.served?.inputs.stacked ?? null),
    outputs: loggedColumns(answered.tensors, null),
    oldestFeatureAt: null,
  }
}
