import type { Consistency, ConsistencyExample, MismatchCause, WireScalar } from '@trestle/contract'
import type { ServedRow } from './served-log.ts'

/** A view's values at an instant, offline. */
export type Offline = Readonly<{
  values: Readonly<Record<string, WireScalar>>
  eventUs: number | null
}>

/** What the checker found for one read; `settled` is what was known a moment before, looked up only where `known` differs. */
export type Checked = Readonly<{
  served: ServedRow
  known: Offline
  corrected: Offline
  settled: Offline | null
}>

const MAX_EXAMPLES = 10

/** Counts checked reads of one view version. */
export function countChecked(
  view: { name: string; version: number },
  checked: readonly Checked[],
  checkedAt: number
): Consistency {
  const causes = { stale: 0, missing: 0, extra: 0, value: 0 }
  const features = new Map<
    string,
    { name: string; values: number; asKnown: number; asCorrected: number }
  >()
  const examples: ConsistencyExample[] = []
  let inFlight = 0
  for (const { served, known, corrected, settled } of checked)
    for (const [name, value] of Object.entries(served.values)) {
      const counts = features.get(name) ?? { name, values: 0, asKnown: 0, asCorrected: 0 }
      features.set(name, counts)
      counts.values += 1
      const isKnown = known.values[name] === value
      const wasKnown = !isKnown && settled !== null && settled.values[name] === value
      if (isKnown || wasKnown) counts.asKnown += 1
      if (wasKnown) inFlight += 1
      const isCorrect = corrected.values[name] === value
      if (isCorrect) counts.asCorrected += 1
      const cause = isKnown || wasKnown ? null : causeOf(served, known, name)
      if (cause !== null) causes[cause] += 1
      if (cause === null && (isCorrect || wasKnown)) continue
      examples.push({
        feature: name,
        keys: { ...served.keys },
        at: served.at,
        served: value,
        known: known.values[name] ?? null,
        corrected: corrected.values[name] ?? null,
        cause,
      })
    }
  const all = [...features.values()]
  const sum = (of: 'values' | 'asKnown' | 'asCorrected'): number =>
    all.reduce((total, f) => total + f[of], 0)
  const times = checked.map((c) => c.served.at)
  return {
    view: view.name,
    version: view.version,
    reads: checked.length,
    values: sum('values'),
    asKnown: sum('asKnown'),
    inFlight,
    asCorrected: sum('asCorrected'),
    causes,
    features: all,
    examples: keepExamples(examples),
    firstReadAt: Math.min(...times),
    lastReadAt: Math.max(...times),
    checkedAt,
  }
}

function causeOf(served: ServedRow, known: Offline, feature: string): MismatchCause {
  if (served.values[feature] === null) return 'missing'
  if ((known.values[feature] ?? null) === null) return 'extra'
  return served.eventUs !== null && known.eventUs !== null && served.eventUs < known.eventUs
    ? 'stale'
    : 'value'
}

/** Faults before lateness, then the newest. */
const keepExamples = (examples: readonly ConsistencyExample[]): ConsistencyExample[] =>
  examples
    .toSorted((a, b) => Number(a.cause === null) - Number(b.cause === null) || b.at - a.at)
    .slice(0, MAX_EXAMPLES)

/** Two counts of one view version as one. */
export function addCounts(a: Consistency, b: Consistency): Consistency {
  const features = new Map(a.features.map((f) => [f.name, f]))
  for (const f of b.features) {
    const known = features.get(f.name)
    features.set(f.name, {
      name: f.name,
      values: (known?.values ?? 0) + f.values,
      asKnown: (known?.asKnown ?? 0) + f.asKnown,
      asCorrected: (known?.asCorrected ?? 0) + f.asCorrected,
    })
  }
  return {
    ...b,
    reads: a.reads + b.reads,
    values: a.values + b.values,
    asKnown: a.asKnown + b.asKnown,
    inFlight: a.inFlight + b.inFlight,
    asCorrected: a.asCorrected + b.asCorrected,
    causes: {
      stale: a.causes.stale + b.causes.stale,
      missing: a.causes.missing + b.causes.missing,
      extra: a.causes.extra + b.causes.extra,
      value: a.causes.value + b.causes.value,
    },
    features: [...features.values()],
    examples: keepExamples([...a.examples, ...b.examples]),
    firstReadAt: Math.min(a.firstReadAt, b.firstReadAt),
    lastReadAt: Math.max(a.lastReadAt, b.lastReadAt),
    checkedAt: Math.max(a.checkedAt, b.checkedAt),
  }
}
