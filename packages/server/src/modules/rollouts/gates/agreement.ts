import type { Gate } from '@trestle/contract'
import type { ShadowFacts } from '../ports.ts'
import { share } from './bounds.ts'
import { wireInterval, type Judgement, type Look } from './look.ts'
import { compare, scaleThatCloses, settle } from './settle.ts'
import { percent } from './words.ts'

/** The shadow answers as the live variant does, but for a share of the same requests. */
export function judgeAgreement(gate: Gate, facts: ShadowFacts, look: Look): Judgement {
  const differing = facts.pairs - facts.agreeing
  const rate = facts.pairs === 0 ? null : differing / facts.pairs
  const bounds = share({ hits: differing, n: facts.pairs }, look.errors)
  const settled = settle({
    look,
    samples: { candidate: facts.pairs, baseline: facts.pairs },
    minSamples: gate.minSamples,
    answer: compare(bounds, gate.margin),
    closesAt: () => scaleThatCloses(rate ?? gate.margin, bounds, gate.margin),
  })
  return {
    ...settled,
    estimate: rate,
    interval: wireInterval(bounds),
    threshold: gate.margin,
    sentence:
      rate === null
        ? `no request was answered by both variants yet: ${settled.verdict}`
        : `the variants disagree on ${percent(rate)} of ${facts.pairs} requests, within [${percent(bounds.low)}, ${percent(bounds.high)}], margin ${percent(gate.margin)}: ${settled.verdict}`,
  }
}
