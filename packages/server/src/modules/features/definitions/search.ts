import type { FeatureType } from '@trestle/contract'
import type { Definitions } from './model.ts'

export type Found = {
  kind: 'entity' | 'view' | 'on-demand view' | 'feature' | 'service'
  name: string
  view: string | null
  type: FeatureType | null
  description: string
  owner: string
  tags: Record<string, string>
  deprecated: string | null
}

/** Everything whose name, description, owner or tags hold every word of the query; exact and leading matches of the name come first. */
export function searchCatalog(definitions: Definitions, query: string): Found[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((w) => w !== '')
  const rank = (item: Found): number => {
    const name = item.name.toLowerCase()
    return words.includes(name)
      ? 0
      : words.some((w) => name.startsWith(w))
        ? 1
        : words.some((w) => name.includes(w))
          ? 2
          : 3
  }
  return everything(definitions)
    .filter((item) => {
      const text = [
        item.name,
        item.view ?? '',
        item.description,
        item.owner,
        ...Object.entries(item.tags).map(([k, v]) => `${k}:${v}`),
      ]
        .join(' ')
        .toLowerCase()
      return words.every((w) => text.includes(w))
    })
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}

function everything({ entities, views, onDemand, services }: Definitions): Found[] {
  const about = (
    kind: Found['kind'],
    item: {
      name: string
      description: string
      owner: string
      tags: Record<string, string>
      deprecated?: string | null
    }
  ): Found => ({
    kind,
    name: item.name,
    view: null,
    type: null,
    description: item.description,
    owner: item.owner,
    tags: item.tags,
    deprecated: item.deprecated ?? null,
  })
  const withFeatures =
    (kind: 'view' | 'on-demand view') =>
    (
      view: NonNullable<Parameters<typeof about>[1]> & {
        features: readonly { name: string; type: FeatureType; description: string }[]
      }
    ): Found[] => [
      about(kind, view),
      ...view.features.map((f): Found => ({
        ...about('feature', { ...view, ...f }),
        view: view.name,
        type: f.type,
      })),
    ]
  const newest = <T>(versions: ReadonlyMap<string, readonly T[]>): T[] =>
    [...versions.values()].flatMap((v) => v.at(-1) ?? [])
  return [
    ...[...entities.values()].map((e) => about('entity', e)),
    ...newest(views).flatMap(withFeatures('view')),
    ...newest(onDemand).flatMap(withFeatures('on-demand view')),
    ...newest(services).map((s) => about('service', s)),
  ]
}
