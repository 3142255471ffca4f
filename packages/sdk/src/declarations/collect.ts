import type { FeatureManifestInput } from '@trestle/contract'
import { toManifest, type Declaration } from '../features/manifest.ts'
import type {
  BudgetSpec,
  Declared,
  EndpointSpec,
  FreezeWindowSpec,
  MonitorSpec,
  RateCardSpec,
  RolloutSpec,
} from './declare.ts'

/** Everything that a configuration declares, ready to be applied. */
export type Declarations = Readonly<{
  features: FeatureManifestInput
  endpoints: readonly EndpointSpec[]
  monitors: readonly MonitorSpec[]
  rollouts: readonly RolloutSpec[]
  freezeWindows: readonly FreezeWindowSpec[]
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
  'rollout',
  'freeze-window',
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
    rollouts: unique(
      'rollouts of an endpoint',
      found.flatMap((one) => (one.kind === 'rollout' ? [one.spec] : [])),
      (spec) => spec.endpoint
    ),
    freezeWindows: unique(
      'freeze windows',
      found.flatMap((one) => (one.kind === 'freeze-window' ? [one.spec] : []))
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

function unique<T extends { name: string }>(what: string, specs: readonly T[]): readonly T[]
function unique<T>(what: string, specs: readonly T[], nameOf: (spec: T) => string): readonly T[]
function unique<T extends { name?: string }>(
  what: string,
  specs: readonly T[],
  nameOf: (spec: T) => string = (spec) => spec.name ?? ''
): readonly T[] {
  const kept = [...new Set(specs)]
  const names = kept.map(nameOf)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`There are two ${what} called "${twice}"`)
  return kept
}
