import type { FeatureManifest } from '@trestle/contract'
import type { Definitions } from '../definitions/model.ts'

type Feature = Readonly<{
  view: string
  name: string
  type: string
  description: string
  entities: string
}>

/** What is better said before a manifest is applied, by subject: features that look like ones that are there, and readers of deprecated views. */
export function adviceOn(
  current: Definitions,
  manifest: FeatureManifest
): ReadonlyMap<string, readonly string[]> {
  const advice = new Map<string, string[]>()
  const say = (subject: string, what: string): void => {
    advice.set(subject, [...(advice.get(subject) ?? []), what])
  }
  const there = [...current.views.values()].flatMap((versions) => featuresOf(versions.at(-1)))
  for (const view of manifest.views) {
    const before = new Set(
      current.views
        .get(view.name)
        ?.at(-1)
        ?.features.map((f) => f.name)
    )
    for (const feature of featuresOf(view)) {
      if (before.has(feature.name)) continue
      const twin = there.find((other) => other.view !== view.name && isSimilar(feature, other))
      if (twin !== undefined)
        say(
          `view ${view.name}`,
          `"${feature.name}" looks like "${twin.view}:${twin.name}", which is there already${twin.description === '' ? '' : ` (${twin.description})`}`
        )
    }
  }
  const deprecationOf = (view: string): string | null =>
    (manifest.views.find((v) => v.name === view) ?? current.views.get(view)?.at(-1))?.deprecated ??
    null
  for (const [kind, readers] of [
    [
      'service',
      manifest.services.map((s) => ({ name: s.name, views: s.features.map((p) => p.view) })),
    ],
    [
      'on-demand view',
      manifest.onDemandViews.map((v) => ({ name: v.name, views: v.inputs.map((i) => i.view) })),
    ],
  ] as const)
    for (const reader of readers)
      for (const view of new Set(reader.views)) {
        const why = deprecationOf(view)
        if (why !== null)
          say(`${kind} ${reader.name}`, `reads view "${view}", which is deprecated: ${why}`)
      }
  return advice
}

const featuresOf = (
  view:
    | {
        name: string
        entities: readonly string[]
        features: readonly { name: string; type: string; description: string }[]
      }
    | undefined
): Feature[] =>
  (view?.features ?? []).map(({ name, type, description }) => ({
    view: view?.name ?? '',
    name,
    type,
    description,
    entities: [...(view?.entities ?? [])].sort().join(' '),
  }))

/** Of the same entities and kind of type, and named, or described, with mostly the same words. */
function isSimilar(a: Feature, b: Feature): boolean {
  if (a.entities !== b.entities || kindOf(a.type) !== kindOf(b.type)) return false
  if (overlap(wordsOf(a.name), wordsOf(b.name)) >= 0.66) return true
  const [left, right] = [wordsOf(a.description), wordsOf(b.description)]
  return left.size >= 3 && right.size >= 3 && overlap(left, right) >= 0.75
}

const kindOf = (type: string): string => (/^(int|float)/.test(type) ? 'number' : type)

/** Words of a name or sentence: `avgAmount_30d` and `Average amount of 30 days` both begin with `average amount`. */
function wordsOf(text: string): Set<string> {
  const words = text
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '' && !STOP.has(word))
  return new Set(words.map((word) => SAME.get(word) ?? word))
}

const STOP = new Set(['a', 'an', 'and', 'by', 'for', 'in', 'of', 'per', 'the', 'to'])
const SAME = new Map([
  ['avg', 'average'],
  ['mean', 'average'],
  ['cnt', 'count'],
  ['num', 'count'],
  ['n', 'count'],
  ['total', 'sum'],
  ['amt', 'amount'],
  ['tx', 'transaction'],
  ['txn', 'transaction'],
  ['transactions', 'transaction'],
  ['min', 'minimum'],
  ['max', 'maximum'],
])

function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((word) => b.has(word)).length
  return both / Math.max(1, a.size + b.size - both)
}
