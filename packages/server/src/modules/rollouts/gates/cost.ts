import type { Gate } from '@trestle/contract'
import type { CostFacts } from '../ports.ts'
import type { Judgement, Look } from './look.ts'
import { both, compare, settle, type Answer } from './settle.ts'
import { decimal, percent } from './words.ts'

/**
 * Dollars per 1,000 predictions, as the ledger has them. The ledger keeps no variance, so this is a plain comparison after a minimum sample and no
 * test; therefore it is not critical by default. An unpriced variant is never cheap.
 */
export function judgeCost(
  gate: Gate,
  costs: { candidate: CostFacts; baseline: CostFacts | null },
  look: Look
): Judgement {
  const mine = costs.candidate.usdPer1000
  const old = costs.baseline?.usdPer1000 ?? null
  const isAlone = costs.baseline === null
  const change = mine === null || old === null || old === 0 ? null : mine / old - 1
  const samples = {
    candidate: costs.candidate.predictions,
    baseline: costs.baseline?.predictions ?? null,
  }
  const settled = settle({
    look,
    samples,
    minSamples: gate.minSamples,
    answer: answerOf(gate, { mine, old, isAlone }),
    closesAt: () => Infinity,
  })
  const price = (usd: number | null): string => (usd === null ? 'unpriced' : `$${decimal(usd)}`)
  return {
    ...settled,
    estimate: isAlone ? mine : change,
    interval: null,
    threshold: isAlone ? (gate.max ?? 0) : gate.margin,
    sentence: isAlone
      ? `cost per 1,000 predictions ${price(mine)}, ceiling ${price(gate.max)}: ${settled.verdict}`
      : `cost per 1,000 predictions ${price(mine)} v ${price(old)}, margin ${percent(gate.margin)}: ${settled.verdict}`,
  }
}

function answerOf(
  gate: Gate,
  { mine, old, isAlone }: { mine: number | null; old: number | null; isAlone: boolean }
): Answer {
  if (mine === null) return 'open'
  const absolute = gate.max === null ? 'pass' : compare({ low: mine, high: mine }, gate.max)
  if (isAlone) return absolute
  // Against an unpriced variant nothing can be said; against a free one only a free one is not dearer.
  if (old === null) return 'open'
  return both(mine > old * (1 + gate.margin) ? 'fail' : 'pass', absolute)
}
