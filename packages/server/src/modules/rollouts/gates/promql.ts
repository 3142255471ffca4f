import type { Gate } from '@trestle/contract'
import type { QueriedFacts } from '../ports.ts'
import { limits, withinLimits } from './business.ts'
import type { Judgement, Look } from './look.ts'
import { both, type Answer } from './settle.ts'
import { decimal, percent } from './words.ts'

/**
 * What a Prometheus query says, as a plain comparison without an interval: the query brings its own window. No answer is no pass; therefore a query of
 * a series that does not exist holds.
 */
export function judgePromql(gate: Gate, facts: QueriedFacts, look: Look): Judgement {
  const { candidate, baseline } = facts
  const isCompared = asksForVariant(gate) && look.baseline !== null
  const sign = gate.higherIsBetter ? -1 : 1
  const harm =
    candidate === null || baseline === null || baseline === 0
      ? null
      : (sign * (candidate - baseline)) / Math.abs(baseline)
  const answer = answerOf(gate, { candidate, baseline, harm, isCompared, sign })
  const verdict = answer === 'open' ? 'insufficient' : answer
  const name = gate.name ?? gate.metric
  const word = (value: number | null): string => (value === null ? 'nothing' : decimal(value))
  return {
    verdict,
    samples: { candidate: candidate === null ? 0 : 1, baseline: isCompared ? 1 : null },
    missing:
      verdict === 'insufficient'
        ? { samples: null, expectedMs: null, why: 'the query has no answer yet' }
        : null,
    estimate: isCompared ? harm : candidate,
    interval: null,
    threshold: isCompared ? gate.margin : (gate.max ?? gate.min ?? 0),
    sentence: isCompared
      ? `${name} ${word(candidate)} v ${word(baseline)}, margin ${percent(gate.margin)}${limits(gate)}: ${verdict}`
      : `${name} ${word(candidate)}${limits(gate)}: ${verdict}`,
  }
}

export const asksForVariant = (gate: Pick<Gate, 'query'>): boolean =>
  /\{\{\s*variant\s*\}\}/.test(gate.query ?? '')

function answerOf(
  gate: Gate,
  facts: QueriedFacts & { harm: number | null; isCompared: boolean; sign: 1 | -1 }
): Answer {
  const { candidate, baseline, harm, isCompared, sign } = facts
  if (candidate === null) return 'open'
  const absolute = withinLimits(gate, { low: candidate, high: candidate })
  if (!isCompared) return absolute
  if (baseline === null) return absolute === 'fail' ? 'fail' : 'open'
  // Beside nought a ratio says nothing: what is not worse passes, what is worse is not known by how much.
  if (harm === null) return both(sign * (candidate - baseline) <= 0 ? 'pass' : 'open', absolute)
  return both(harm > gate.margin ? 'fail' : 'pass', absolute)
}
