import { BUCKETS, bucketOf } from '../../kernel/bucket.ts'

/**
 * Who gets which share of an endpoint's requests. Weights are in basis points and sum to 10,000; the buckets of `salt` decide by sticky key,
 * so that raising a weight only adds keys. Shadows get a copy of their share of requests and never answer.
 */
export type Traffic = Readonly<{
  salt: string
  weights: readonly Readonly<{ variant: string; basisPoints: number }>[]
  shadows: readonly Readonly<{ variant: string; share: number }>[]
}>

/** Traffic made ready for choosing: ranges of buckets that end where the next begins. */
export type TrafficPlan = Readonly<{
  salt: string
  ranges: readonly Readonly<{ variant: string; end: number }>[]
  shadows: Traffic['shadows']
}>

/**
 * Lays the weights out in the order of `variants`, which is the order they were added in: an order that the caller of a change can't disturb,
 * so that a variant whose weight alone rises keeps every key it had.
 */
export function planTraffic(traffic: Traffic, variants: readonly string[]): TrafficPlan {
  const points = new Map(traffic.weights.map(({ variant, basisPoints }) => [variant, basisPoints]))
  const ranges: { variant: string; end: number }[] = []
  let end = 0
  for (const variant of variants) {
    const own = points.get(variant) ?? 0
    if (own === 0) continue
    end += own
    ranges.push({ variant, end })
  }
  return { salt: traffic.salt, ranges, shadows: traffic.shadows.filter(({ share }) => share > 0) }
}

/** The variant that answers a key; null when no variant has traffic. */
export function chooseVariant(plan: TrafficPlan, key: string): string | null {
  const [only, ...others] = plan.ranges
  if (only === undefined) return null
  if (others.length === 0) return only.variant
  const bucket = bucketOf(plan.salt, key)
  for (const range of plan.ranges) if (bucket < range.end) return range.variant
  return null
}

/** Whether a shadow gets a copy of a request. Decided per request, so that a busy key is not all that it sees. */
export const isShadowed = (share: number, request: { salt: string; id: string }): boolean =>
  share >= 1 || bucketOf(request.salt, request.id) < share * BUCKETS

/** What is wrong with a traffic table for an endpoint with these variants; null when it is right. */
export function findTrafficFault(traffic: Traffic, variants: readonly string[]): string | null {
  const known = new Set(variants)
  const seen = new Set<string>()
  let sum = 0
  for (const { variant, basisPoints } of traffic.weights) {
    if (!known.has(variant)) return `the endpoint has no variant "${variant}"`
    if (seen.has(variant)) return `variant "${variant}" has two weights`
    seen.add(variant)
    if (!Number.isInteger(basisPoints) || basisPoints < 0)
      return `the weight of "${variant}" must be a whole number of basis points, 0 or more`
    sum += basisPoints
  }
  if (sum !== BUCKETS)
    return `the weights sum to ${sum} basis points, and must sum to ${BUCKETS} (100 %)`
  const shadows = new Set<string>()
  for (const { variant, share } of traffic.shadows) {
    if (!known.has(variant)) return `the endpoint has no variant "${variant}"`
    if (shadows.has(variant)) return `variant "${variant}" is a shadow twice`
    shadows.add(variant)
    if (!(share >= 0 && share <= 1)) return `the share of shadow "${variant}" must be from 0 to 1`
  }
  return null
}
