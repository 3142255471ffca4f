import type { Gate } from '@trestle/contract'
import type { DriftFacts } from '../ports.ts'
import type { Judgement } from './look.ts'
import { decimal } from './words.ts'

/** The inputs that the new variant sees are the ones it was trained for: its worst drift score stays under `margin` times the monitor's threshold. */
export function judgeDrift(gate: Gate, drift: DriftFacts): Judgement {
  const { worst, rows } = drift
  const enough = rows >= gate.minSamples
  const ratio = worst === null ? null : worst.score / worst.threshold
  const verdict = ratio === null || !enough ? 'insufficient' : ratio > gate.margin ? 'fail' : 'pass'
  return {
    verdict,
    samples: { candidate: rows, baseline: null },
    missing:
      verdict === 'insufficient'
        ? {
            samples: enough ? null : gate.minSamples - rows,
            expectedMs: null,
            why: enough ? 'no input could be measured' : `${gate.minSamples - rows} more rows`,
          }
        : null,
    estimate: ratio,
    interval: null,
    threshold: gate.margin,
    sentence:
      worst === null
        ? `drift of the inputs is not known: ${verdict}`
        : `input "${worst.input}" drifts most: ${decimal(worst.score)}, threshold ${decimal(worst.threshold)}: ${verdict}`,
  }
}
