import type { Gate } from '@trestle/contract'
import type { ArmFacts } from '../ports.ts'
import { share } from './bounds.ts'
import { wireInterval, type Judgement, type Look } from './look.ts'
import { compare, scaleThatCloses, settle } from './settle.ts'
import { percent } from './words.ts'

/** The new variant's answers have the names and types of outputs that the old one's have: callers read them by name. */
export function judgeOutputSchema(
  gate: Gate,
  arms: { candidate: ArmFacts; baseline: ArmFacts },
  look: Look
): Judgement {
  const expected = commonest(arms.baseline.schemas)
  const answers = total(arms.candidate.schemas)
  const others = expected === null ? 0 : answers - (arms.candidate.schemas[expected] ?? 0)
  const n = expected === null ? 0 : answers
  const bounds = share({ hits: others, n }, look.errors)
  const settled = settle({
    look,
    samples: { candidate: answers, baseline: total(arms.baseline.schemas) },
    minSamples: gate.minSamples,
    answer: expected === null ? 'open' : compare(bounds, gate.margin),
    closesAt: () => scaleThatCloses(others / Math.max(1, n), bounds, gate.margin),
  })
  const seen = commonest(arms.candidate.schemas)
  return {
    ...settled,
    estimate: n === 0 ? null : others / n,
    interval: wireInterval(bounds),
    threshold: gate.margin,
    sentence:
      expected === null || n === 0
        ? `no answer of both variants yet: ${settled.verdict}`
        : others === 0
          ? `all ${n} answers have the old variant's outputs (${expected}): ${settled.verdict}`
          : `${percent(others / n)} of ${n} answers have other outputs than the old variant's: ${seen ?? ''} in place of ${expected}: ${settled.verdict}`,
  }
}

const total = (schemas: ArmFacts['schemas']): number =>
  Object.values(schemas).reduce((sum, n) => sum + n, 0)

const commonest = (schemas: ArmFacts['schemas']): string | null =>
  Object.entries(schemas).toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? null
