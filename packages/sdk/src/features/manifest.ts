import type {
  FeatureManifest,
  FeatureType,
  OnDemandManifest,
  ServiceManifest,
  ViewManifest,
} from '@trestle/contract'
import type {
  About,
  Entity,
  FeatureService,
  OnDemandDeclaration,
  RefreshTimes,
  ViewRef,
  ViewDeclaration,
} from './declare.ts'
import { milliseconds } from './duration.ts'
import type { Fields } from './field.ts'

export type Declaration = Entity | ViewRef | FeatureService

/**
 * Declarations as the manifest that `client.features.apply` takes. What a service or view refers to comes along, so the services alone are enough.
 * Throws when two different declarations share a name. `Object.values(await import('./features.ts'))` is a fine argument.
 */
export function toManifest(declarations: readonly Declaration[]): FeatureManifest {
  const found: Found = {
    entities: new Map(),
    views: new Map(),
    onDemandViews: new Map(),
    services: new Map(),
  }
  for (const declaration of declarations) collect(found, declaration)
  return {
    entities: [...found.entities.values()].map((entity) => ({
      name: entity.name,
      keys: Object.entries(entity.keys).map(([name, { type }]) => ({ name, type })),
      ...aboutOf(entity.about),
    })),
    views: [...found.views.values()].map(viewManifest),
    onDemandViews: [...found.onDemandViews.values()].map(onDemandManifest),
    services: [...found.services.values()].map(serviceManifest),
  }
}

type Found = {
  entities: Map<string, Entity>
  views: Map<string, ViewDeclaration>
  onDemandViews: Map<string, OnDemandDeclaration>
  services: Map<string, FeatureService>
}

function collect(found: Found, declaration: Declaration): void {
  switch (declaration.kind) {
    case 'entity':
      put(found.entities, declaration, 'entities')
      return
    case 'view':
    case 'on-demand':
      collectView(found, declaration.declaration)
      return
    case 'service':
      put(found.services, declaration, 'services')
      for (const view of declaration.views) collect(found, view)
  }
}

function collectView(found: Found, declaration: ViewRef['declaration']): void {
  if (declaration.kind === 'view') {
    put(found.views, declaration, 'views')
    for (const entity of declaration.entities) put(found.entities, entity, 'entities')
  } else {
    put(found.onDemandViews, declaration, 'on-demand views')
    for (const input of Object.values(declaration.views)) collect(found, input)
  }
}

function put<T extends { readonly name: string }>(
  into: Map<string, T>,
  item: T,
  kind: string
): void {
  const known = into.get(item.name)
  if (known !== undefined && known !== item)
    throw new Error(`There are two ${kind} called "${item.name}"`)
  into.set(item.name, item)
}

function viewManifest(view: ViewDeclaration): ViewManifest {
  return {
    name: view.name,
    entities: view.entities.map((e) => e.name),
    features: fieldsOf(view.features).map((field) => ({
      ...field,
      aggregate: view.windows?.[field.name]?.aggregate ?? null,
      default: wireDefault(view.features[field.name]?.missing ?? null),
    })),
    inputs: fieldsOf(view.inputs),
    ttlMs: view.ttl === null ? null : milliseconds(view.ttl),
    online: view.online,
    batch: view.source.batch,
    stream: view.source.stream,
    refresh: refreshOf(view.refresh),
    pushSource: view.source.pushSource,
    deprecated: view.about.deprecated ?? null,
    ...aboutOf(view.about),
  }
}

function onDemandManifest(view: OnDemandDeclaration): OnDemandManifest {
  return {
    name: view.name,
    inputs: Object.entries(view.views).map(([as, v]) => ({
      view: v.name,
      features: [...v.picked],
      as: view.transform === null ? null : as,
    })),
    request: Object.entries(view.request).map(([name, { type }]) => ({ name, type })),
    features: fieldsOf(view.output).map((field) => ({
      ...field,
      expression: view.expressions?.[field.name] ?? null,
    })),
    transform: view.transform === null ? null : { source: sourceOf(view.transform) },
    ...aboutOf(view.about),
  }
}

function serviceManifest(service: FeatureService): ServiceManifest {
  return {
    name: service.name,
    features: service.views.map((view) => ({
      view: view.name,
      version: null,
      features: [...view.picked],
      alias: view.alias,
      joinKeyMap: { ...view.joinKeyMap },
    })),
    ...aboutOf(service.about),
  }
}

const fieldsOf = (fields: Fields): { name: string; type: FeatureType; description: string }[] =>
  Object.entries(fields).map(([name, { type, description }]) => ({ name, type, description }))

/** The text of a function as an expression; a method's own text is none. */
function sourceOf(transform: (input: never) => unknown): string {
  const text = String(transform)
  return /^(async\s+)?transform\s*\(/.test(text) ? `{ ${text} }.transform` : text
}

function refreshOf(times: RefreshTimes | null): ViewManifest['refresh'] {
  if (times === null) return null
  return typeof times === 'string'
    ? { everyMs: milliseconds(times) }
    : { cron: times.cron, timeZone: times.timeZone ?? 'UTC' }
}

function wireDefault(value: unknown): string | number | boolean | null {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Date) return value.getTime()
  return value as string | number | boolean | null // the other types that fields have
}

const aboutOf = ({ description, owner, tags }: About) => ({
  description: description ?? '',
  owner: owner ?? '',
  tags: { ...tags },
})
