import type { Gate } from '@trestle/contract'
import type { ConsistencyFacts } from '../ports.ts'
import type { Judgement } from './look.ts'

/** Features were served as the history knew them then: at most `margin` of the checked values may differ. The whole endpoint's, not an arm's. */
export function judgeConsistency(gate: Gate, facts: ConsistencyFacts): Judgement {
  const { values, asKnown } = facts
  const differing = values === 0 ? null : (values - asKnown) / values
  const verdict =
    differing === null || values < gate.minSamples
      ? 'insufficient'
      : differing > gate.margin
        ? 'fail'
        : 'pass'
  return {
    verdict,
    samples: { candidate: values, baseline: null },
    missing:
      verdict === 'insufficient'
        ? {
            samples: gate.minSamples - values,
            expectedMs: null,
            why:
              facts.service === null
                ? 'this endpoint reads no feature service'
                : `${values} of ${gate.minSamples} served values are checked`,
          }
        : null,
    estimate: differing,
    interval: null,
    threshold: gate.margin,
    sentence: `features of ${facts.service ?? 'no service'}: ${asKnown} of ${values} checked values are what the history knew: ${verdict}`,
  }
}
