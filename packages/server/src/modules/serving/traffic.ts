/**
 * Who gets which share of an endpoint's requests. Weights are in basis points and sum to 10,000; the buckets of `salt` decide by sticky key,
 * so that raising a weight only adds keys. Shadows get a copy of their share of requests and never answer.
 */
export type Traffic = Readonly<{
  salt: string
  weights: readonly Readonly<{ variant: string; basisPoints: number }>[]
  shadows: readonly Readonly<{ variant: string; share: number }>[]
}>
