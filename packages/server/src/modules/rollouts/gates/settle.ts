import type { Judgement, Look } from './look.ts'

export type Answer = 'pass' | 'fail' | 'open'

/** Intervals from fewer samples than this blame nobody; gross failure before that is the breaker's. */
const FEWEST_FOR_HARM = 30
const LARGEST_SCALE = 1e6

export type Question = Readonly<{
  look: Look
  samples: { candidate: number; baseline: number | null }
  minSamples: number
  answer: Answer
  /** How many times as much of the same evidence would close an open question; infinite when none would. */
  closesAt: () => number
}>

type Settled = Pick<Judgement, 'verdict' | 'missing' | 'samples'>

/** Three verdicts from one question; an open one says how much more of the same evidence would close it. */
export function settle(question: Question): Settled {
  const { samples, answer } = question
  const n = Math.min(samples.candidate, samples.baseline ?? Infinity)
  if (answer === 'fail' && n >= FEWEST_FOR_HARM) return { verdict: 'fail', missing: null, samples }
  if (answer === 'pass' && n >= question.minSamples)
    return { verdict: 'pass', missing: null, samples }
  return { verdict: 'insufficient', missing: missingOf(question, n), samples }
}

function missingOf(question: Question, n: number): Judgement['missing'] {
  if (n === 0) {
    const isBaseline = question.samples.candidate > 0
    return {
      samples: question.minSamples,
      expectedMs: null,
      why: isBaseline ? 'no samples of the old variant yet' : 'no samples of the new variant yet',
    }
  }
  const scale = Math.max(
    question.minSamples / n,
    question.answer === 'open' ? question.closesAt() : 1
  )
  if (scale > LARGEST_SCALE)
    return { samples: null, expectedMs: null, why: 'too close to the margin to say' }
  const elapsedMs = Math.max(0, question.look.now - question.look.from)
  const samples = Math.ceil(n * (scale - 1))
  return {
    samples,
    expectedMs: Math.ceil(elapsedMs * (scale - 1)),
    why: `about ${samples} more of each variant`,
  }
}

/** The verdict words of a harm interval against a threshold. */
export const compare = (interval: { low: number; high: number }, threshold: number): Answer =>
  interval.low > threshold ? 'fail' : interval.high <= threshold ? 'pass' : 'open'

/** Both have to pass; one failing is enough to fail. */
export const both = (a: Answer, b: Answer): Answer =>
  a === 'fail' || b === 'fail' ? 'fail' : a === 'pass' && b === 'pass' ? 'pass' : 'open'

/** Intervals shrink about with the square root of the samples: how many times as many put the threshold outside. */
export function scaleThatCloses(
  estimate: number,
  interval: { low: number; high: number },
  threshold: number
): number {
  if (compare(interval, threshold) !== 'open') return 1
  const gap = Math.abs(threshold - estimate)
  const half = estimate < threshold ? interval.high - estimate : estimate - interval.low
  return gap === 0 ? Infinity : (half / gap) ** 2
}
