import type {
  FeatureManifest,
  FeatureType,
  OnDemandManifest,
  ViewManifest,
} from '@trestle/contract'
import { messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import { nextTurn } from '../../../platform/jobs/cron.ts'
import { aggregateType, isAggregated, planAggregates, storedColumns } from '../aggregate/plan.ts'
import { compileExpression } from '../on-demand/evaluate.ts'
import { parseExpression } from '../on-demand/expression.ts'
import { parseValue } from '../value.ts'
import { versionOf, type Definitions } from './model.ts'

const RESERVED = new Set(['event_timestamp', 'created'])

/** Throws what is wrong with a manifest in itself and against what is declared: each fault names its view, service and feature. */
export function checkManifest(current: Definitions, manifest: FeatureManifest): void {
  for (const [kind, items] of [
    ['entity', manifest.entities],
    ['view', [...manifest.views, ...manifest.onDemandViews]],
    ['service', manifest.services],
  ] as const)
    refuseTwice(
      items.map((i) => i.name),
      (name) => `There are two declarations of ${kind} "${name}"`
    )
  for (const view of manifest.views) checkView(view, current, manifest)
  for (const view of manifest.onDemandViews) {
    refuseTwice(
      [...view.features, ...view.request].map((f) => f.name),
      (name) => `On-demand view "${view.name}" has "${name}" twice`
    )
    for (const input of view.inputs)
      for (const feature of input.features)
        requireFeature(
          { current, manifest },
          { ...input, feature, by: `on-demand view "${view.name}"` }
        )
    checkExpressions(view, { current, manifest })
  }
  for (const service of manifest.services)
    for (const p of service.features)
      for (const feature of p.features)
        requireFeature(
          { current, manifest },
          { view: p.view, version: p.version, feature, by: `service "${service.name}"` }
        )
}

/** Reads and types each expression, so that a wrong one is refused here and not at the first prediction. */
function checkExpressions(
  view: OnDemandManifest,
  where: { current: Definitions; manifest: FeatureManifest }
): void {
  const slots = new Map<string, { index: number; type: FeatureType }>()
  for (const input of view.inputs)
    for (const feature of input.features) {
      const type = typeOf(where, input.view, feature)
      if (type === undefined) continue
      slots.set(feature, { index: 0, type }).set(`${input.view}.${feature}`, { index: 0, type })
    }
  for (const { name, type } of view.request) slots.set(name, { index: 0, type })
  for (const { name, type, expression } of view.features) {
    if (expression === null && view.transform === null)
      throw fail(
        'request.invalid',
        `On-demand feature "${view.name}:${name}" has neither an expression nor a transform`,
        { details: { view: view.name, feature: name } }
      )
    if (expression === null) continue
    const parsed = parseExpression(expression)
    const result = parsed.kind === 'ok' ? compileExpression(parsed.tree, slots, type) : parsed
    if (result.kind === 'error')
      throw fail('request.invalid', `On-demand feature "${view.name}:${name}": ${result.message}`, {
        details: { view: view.name, feature: name },
      })
  }
}

function typeOf(
  { current, manifest }: { current: Definitions; manifest: FeatureManifest },
  view: string,
  feature: string
): FeatureType | undefined {
  const declared =
    manifest.views.find((v) => v.name === view) ?? versionOf(current.views.get(view), null)
  return declared?.features.find((f) => f.name === feature)?.type
}

function checkView(view: ViewManifest, current: Definitions, manifest: FeatureManifest): void {
  const keys = view.entities.flatMap(
    (name) =>
      (manifest.entities.find((e) => e.name === name) ?? current.entities.get(name))?.keys ?? []
  )
  checkAggregates(view)
  checkRefresh(view)
  for (const { name, type, aggregate, default: missing } of view.features) {
    if (missing === null) continue
    const fault =
      aggregate !== null
        ? 'a window over nothing has a value of its own'
        : parseValue(type, missing) === undefined
          ? `the feature is ${type}`
          : null
    if (fault !== null)
      throw fail(
        'request.invalid',
        `View "${view.name}" can't have ${JSON.stringify(missing)} as the default of "${name}": ${fault}`,
        { details: { view: view.name, feature: name } }
      )
  }
  const names = [...keys, ...view.features].map((f) => f.name)
  refuseTwice(
    names.map((n) => n.toLowerCase()),
    (name) =>
      `View "${view.name}" has "${name}" twice among its keys and features (upper and lower case count as the same)`
  )
  const reserved = names.find((name) => RESERVED.has(name.toLowerCase()))
  if (reserved !== undefined)
    throw fail(
      'request.invalid',
      `View "${view.name}" can't have a feature or key called "${reserved}"`
    )
  const stored = [...keys, ...storedColumns(view)].map((c) => c.name)
  const mapped = [view.batch, view.stream].flatMap((source) => Object.keys(source?.columns ?? {}))
  const stray = mapped.find((name) => !stored.includes(name))
  if (stray !== undefined)
    throw fail(
      'request.invalid',
      `The source of view "${view.name}" maps "${stray}", which is neither a key nor ${isAggregated(view) ? 'an input' : 'a feature'} of it`
    )
}

function checkRefresh({ name, refresh, batch }: ViewManifest): void {
  const refuse = (why: string) =>
    fail('request.invalid', `View "${name}" can't be refreshed: ${why}`, {
      details: { view: name },
    })
  if (refresh === null) return
  if (batch === null) throw refuse('it has no source to be read again')
  if ('everyMs' in refresh) return
  try {
    nextTurn(refresh, 0)
  } catch (error) {
    throw refuse(messageOf(error))
  }
}

/** More tiles than this in one window make an entity's state large and its reads slow. */
const MAX_TILES = 10_000

function checkAggregates(view: ViewManifest): void {
  const refuse = (what: string, feature?: string) =>
    fail('request.invalid', `View "${view.name}" ${what}`, {
      details: { view: view.name, ...(feature === undefined ? {} : { feature }) },
    })
  if (!isAggregated(view)) {
    if (view.inputs.length > 0)
      throw refuse('has inputs, and no feature that is computed over a window of them')
    return
  }
  if (view.ttlMs !== null)
    throw refuse('has a ttl beside windows; the windows say how long an event counts')
  refuseTwice(
    view.inputs.map((i) => i.name.toLowerCase()),
    (name) => `View "${view.name}" has the input "${name}" twice`
  )
  const reserved = view.inputs.find((i) => RESERVED.has(i.name.toLowerCase()))
  if (reserved !== undefined) throw refuse(`can't have an input called "${reserved.name}"`)
  for (const { name, type, aggregate } of view.features) {
    if (aggregate === null)
      throw refuse(
        `mixes windows with "${name}", which is none; put it into a view of its own`,
        name
      )
    const input = view.inputs.find((i) => i.name === aggregate.of)
    if (aggregate.of !== null && input === undefined)
      throw refuse(`aggregates "${aggregate.of}" for "${name}", which is none of its inputs`, name)
    const gives = aggregateType(aggregate, input?.type ?? null)
    if (gives === null)
      throw refuse(
        `can't compute ${aggregate.function} of ${input === undefined ? 'nothing: name an input for' : `${input.type} input "${input.name}" for`} "${name}"`,
        name
      )
    if (gives !== type)
      throw refuse(`declares "${name}" as ${type}; ${aggregate.function} gives ${gives}`, name)
    if ((aggregate.function === 'percentile') !== (aggregate.percentile !== null))
      throw refuse(`needs a percentile for "${name}" if, and only if, that is its function`, name)
    if (aggregate.slideMs !== null && aggregate.windowMs % aggregate.slideMs !== 0)
      throw refuse(`has a window "${name}" that is no multiple of its slide`, name)
  }
  const plan = planAggregates(view.features, view.inputs)
  const tiles = plan.keepUs / plan.tileUs
  if (tiles > MAX_TILES)
    throw refuse(
      `needs ${tiles} tiles per entity, more than ${MAX_TILES}: use a coarser slide, or several views`
    )
}

function requireFeature(
  { current, manifest }: { current: Definitions; manifest: FeatureManifest },
  wanted: { view: string; version?: number | null; feature: string; by: string }
): void {
  const version = wanted.version ?? null
  const declared =
    version === null
      ? [...manifest.views, ...manifest.onDemandViews].find((v) => v.name === wanted.view)
      : undefined
  const view =
    declared ??
    versionOf(current.views.get(wanted.view), version) ??
    versionOf(current.onDemand.get(wanted.view), version)
  if (view === undefined)
    throw fail(
      'features.view_not_found',
      `${capital(wanted.by)} reads view "${wanted.view}${version === null ? '' : `@v${version}`}", which is not declared`
    )
  if (!view.features.some((f) => f.name === wanted.feature))
    throw fail(
      'features.feature_not_found',
      `${capital(wanted.by)} reads "${wanted.view}:${wanted.feature}", which the view does not have`,
      {
        details: { view: wanted.view, feature: wanted.feature },
      }
    )
}

function refuseTwice(names: readonly string[], message: (name: string) => string): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) throw fail('request.invalid', message(name))
    seen.add(name)
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
