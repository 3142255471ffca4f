import type { Api, RouteInput } from '@trestle/contract'

type ServingInput = RouteInput<Api['serving']['apply']>
type MonitoringInput = RouteInput<Api['monitoring']['apply']>
type RolloutsInput = RouteInput<Api['rollouts']['apply']>
type CostsInput = RouteInput<Api['costs']['apply']>

export type EndpointSpec = ServingInput['endpoints'][number]
export type MonitorSpec = MonitoringInput['monitors'][number]
export type RolloutSpec = NonNullable<RolloutsInput['policies']>[number]
export type FreezeWindowSpec = NonNullable<RolloutsInput['freezeWindows']>[number]
export type BudgetSpec = NonNullable<CostsInput['budgets']>[number]
export type RateCardSpec = NonNullable<CostsInput['rateCards']>[number]

/** A declaration of something that is not a feature: exported from a configuration, applied by `trestle apply`. */
export type Declared = Readonly<
  | { kind: 'endpoint'; spec: EndpointSpec }
  | { kind: 'monitor'; spec: MonitorSpec }
  | { kind: 'budget'; spec: BudgetSpec }
  | { kind: 'rate-card'; spec: RateCardSpec }
  | { kind: 'rollout'; spec: RolloutSpec }
  | { kind: 'freeze-window'; spec: FreezeWindowSpec }
>

type Of<K extends Declared['kind']> = Extract<Declared, { kind: K }>

/** The stable name that callers ask for predictions, and the model version that answers first. */
export const defineEndpoint = (spec: EndpointSpec): Of<'endpoint'> => ({ kind: 'endpoint', spec })

/** What is watched on an endpoint, against which reference, and when to alert. */
export const defineMonitor = (spec: MonitorSpec): Of<'monitor'> => ({ kind: 'monitor', spec })

/**
 * How versions of a model come to an endpoint: strategy, gates, deadline. With `on`, setting that alias or stage begins a rollout, and it moves when the
 * rollout ends well.
 */
export const defineRollout = (spec: RolloutSpec): Of<'rollout'> => ({ kind: 'rollout', spec })

/** A time in which no rollout takes a step forward. */
export const defineFreezeWindow = (spec: FreezeWindowSpec): Of<'freeze-window'> => ({
  kind: 'freeze-window',
  spec,
})

/** What may be spent in a day or month. */
export const defineBudget = (spec: BudgetSpec): Of<'budget'> => ({ kind: 'budget', spec })

/** A price of a device, with its dates and where it comes from. */
export const defineRateCard = (spec: RateCardSpec): Of<'rate-card'> => ({ kind: 'rate-card', spec })
