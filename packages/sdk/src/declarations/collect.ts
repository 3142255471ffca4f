import type { FeatureManifestInput } from '@trestle/contract'
import { toManifest, type Declaration } from '../features/manifest.ts'
import type { BudgetSpec, Declared, EndpointSpec, MonitorSpec, RateCardSpec } from './declare.ts'

/** Everything that a configuration declares, ready to be applied. */
export type Declarations = Readonly<{
  features: FeatureManifestInput
  endpoints: readonly EndpointSpec[]
  monitors: readonly MonitorSpec[]
  rateCards: readonly RateCardSpec[]
  budgets: readonly BudgetSpec[]
}>

const FEATURE_KINDS: readonly string[] = [
  'entity',
  'view',
  'on-demand',
  'service',
] satisfies Declaration['kind'][]
const OTHER_KINDS: readonly string[] = [
  'endpoint',
  'monitor',
  'budget',
  'rate-card',
] satisfies Declared['kind'][]

/**
 * The declarations among the exports of a module, lists of them too; other exports are left alone. Throws when two share a name, or when nothing
 * is declared, since that is more likely a slip than a wish.
 */
export function collectDeclarations(exports: Readonly<Record<string, unknown>>): Declarations {
  const found = Object.values(exports)
    .flat(Infinity as 1)
    .filter(isDeclaration)
  if (found.length === 0)
    throw new Error(
      'Nothing is declared here: export what defineEndpoint, defineFeatureView … return'
    )
  return {
    features: toManifest(found.filter(isFeature)),
    endpoints: unique(
      'endpoints',
      found.flatMap((one) => (one.kind === 'endpoint' ? [one.spec] : []))
    ),
    monitors: unique(
      'monitors',
      found.flatMap((one) => (one.kind === 'monitor' ? [one.spec] : []))
    ),
    rateCards: unique(
      'rate cards',
      found.flatMap((one) => (one.kind === 'rate-card' ? [one.spec] : []))
    ),
    budgets: unique(
      'budgets',
      found.flatMap((one) => (one.kind === 'budget' ? [one.spec] : []))
    ),
  }
}

function isDeclaration(value: unknown): value is Declaration | Declared {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false
  return (
    typeof value.kind === 'string' &&
    (FEATURE_KINDS.includes(value.kind) || OTHER_KINDS.includes(value.kind))
  )
}

const isFeature = (value: Declaration | Declared): value is Declaration =>
  FEATURE_KINDS.includes(value.kind)

function unique<T extends { name: string }>(what: string, specs: readonly T[]): readonly T[] {
  const kept = [...new Set(specs)]
  const twice = kept.find((spec, i) => kept.findIndex((other) => other.name === spec.name) !== i)
  if (twice !== undefined) throw new Error(`There are two ${what} called "${twice.name}"`)
  return kept
}
