import type { DriftFacts } from '../ports.ts'
import type { Judgement } from './look.ts'

/** The inputs look like the ones that the monitors of this endpoint know. Monitors bring their own thresholds and corrections. */
export function judgeDrift(drift: DriftFacts): Judgement {
  const verdict = drift.state === 'ok' ? 'pass' : drift.state === 'drift' ? 'fail' : 'insufficient'
  return {
    verdict,
    samples: { candidate: 0, baseline: null },
    missing:
      verdict === 'insufficient'
        ? {
            samples: null,
            expectedMs: null,
            why: 'no monitor of this endpoint has judged a window yet',
          }
        : null,
    estimate: null,
    interval: null,
    threshold: 0,
    sentence: `drift of the inputs, ${drift.summary}: ${verdict}`,
  }
}
