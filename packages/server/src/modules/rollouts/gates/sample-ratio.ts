import type { Gate } from '@trestle/contract'
import type { ArmFacts } from '../ports.ts'
import { splitPValue } from './bounds.ts'
import type { Judgement, Look } from './look.ts'
import { percent } from './words.ts'

/**
 * The requests were split as asked. If not, the two arms saw different requests and no comparison holds: the rollout stands still instead of blaming
 * the new variant. Sticky keys send requests in clumps, which the test takes for a wrong split; so the deviation has to pass the margin as well.
 */
export function judgeSampleRatio(
  gate: Gate,
  arms: { candidate: ArmFacts; baseline: ArmFacts },
  look: Look
): Judgement {
  // A request that names its variant, as a tester's does, was not dealt.
  const counts = {
    candidate: arms.candidate.requests - arms.candidate.forced,
    baseline: arms.baseline.requests - arms.baseline.forced,
  }
  const total = counts.candidate + counts.baseline
  const seen = total === 0 ? 0 : counts.candidate / total
  const deviation = Math.abs(seen - look.expectedShare)
  const pValue = splitPValue(counts, look.expectedShare)
  const isWrong = pValue < look.errors.harm && deviation > gate.margin && total >= gate.minSamples
  const isEnough = total >= gate.minSamples
  const verdict = isWrong ? 'fail' : isEnough ? 'pass' : 'insufficient'
  const missing = gate.minSamples - total
  return {
    verdict,
    samples: counts,
    missing: isEnough
      ? null
      : { samples: missing, expectedMs: null, why: `${missing} more requests of both variants` },
    estimate: seen - look.expectedShare,
    interval: null,
    threshold: gate.margin,
    sentence: `the new variant got ${percent(seen)} of the requests, asked for ${percent(look.expectedShare)}: ${verdict}`,
  }
}
