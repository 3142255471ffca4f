import type { Clock } from '../../kernel/clock.ts'
import { AppError } from '../../kernel/errors.ts'
import { randomHexId } from '../../kernel/ids.ts'
import { fail } from '../../platform/errors.ts'
import { checkInputs } from './check-inputs.ts'
import { stackColumnValues, type ColumnRows } from './column-inputs.ts'
import type { FeatureServiceSchema } from './feature-reader.ts'
import type { Fleet } from './fleet.ts'
import type { InferenceCompleted, LoggedColumn } from './inference-event.ts'
import { loggedColumns } from './logged-columns.ts'
import type { LoadSource, ModelLoader } from './served-model.ts'
import type { Datatype } from './tensor.ts'
import { statusOf } from './completed-prediction.ts'

/** What scores a table: a registered version, or what an endpoint serves. */
export type ScoreTarget = Readonly<
  { model: string; columns?: readonly string[] } | { endpoint: string; variant: string | null }
>

/** A model version in memory for tables: the same plan of inputs, checks, log and cost as online, on a thread of its own. */
export interface Scorer {
  readonly model: Readonly<{ name: string; version: number }>
  /** Every name that a row must have, in the model's own types. */
  readonly columns: readonly Readonly<{ name: string; datatype: Datatype }>[]
  readonly featureService: string | null
  readonly entities: FeatureServiceSchema['entities']
  /**
   * The outputs by column, one value per row, in the rows' order. Throws `request.invalid` and `serving.model_failed`.
   * Told of through `completed`; without `isLogged`, with its rows and times alone.
   */
  score(table: ColumnRows, told: { requestId: string; isLogged: boolean }): Promise<LoggedColumn[]>
  close(): Promise<void>
}

/** A table has no caller who waits: a run may take this long. */
const RUN_LIMIT_MS = 600_000

export async function openScorer(
  deps: {
    fleet: Fleet
    loader: ModelLoader
    clock: Clock
    tell: (event: InferenceCompleted) => void
  },
  { project, target }: { project: string; target: ScoreTarget }
): Promise<Scorer> {
  const { source, columns, featureService, served: as } = scoreSettings(deps.fleet, project, target)
  const served = await deps.loader.load({ project, source, columns, featureService })
  const { spec, inputs: plan } = served
  const [only] = plan.inputs
  const typeOf = (name: string): Datatype =>
    plan.stacked !== null
      ? (only?.datatype ?? 'FP32')
      : (plan.inputs.find((input) => input.name === name)?.datatype ?? 'FP32')
  const named = served.outputNames
  return {
    model: served.model,
    columns: plan.names.map((name) => ({ name, datatype: typeOf(name) })),
    featureService,
    entities: served.service?.entities ?? [],
    async score(table, { requestId, isLogged }) {
      const begun = performance.now()
      const event: InferenceCompleted = {
        ...nameOf(project, as?.endpointId ?? null, as?.endpoint ?? served.model.name),
        predictionId: randomHexId(),
        requestId,
        project,
        variant: as?.variant ?? `v${served.model.version}`,
        model: served.model,
        role: 'live',
        pairedWith: null,
        at: deps.clock.now(),
        latencyMs: 0,
        stages: { featuresMs: 0, queueMs: 0, computeMs: 0 },
        busyMs: 0,
        device: served.device,
        status: 'ok',
        errorCode: null,
        stickyKey: null,
        apiKeyId: null,
        entities: {},
        rows: table.rows,
        inputs: [],
        outputs: [],
        oldestFeatureAt: null,
      }
      try {
        const { inputs, rows } = checkInputs(spec, stackColumnValues(plan, table))
        const outcome = await served.batcher.run({
          inputs,
          rows,
          deadline: begun + RUN_LIMIT_MS,
          isGone: () => false,
        })
        const outputs = loggedColumns(outcome.outputs, null)
        const renamed =
          named?.length === outputs.length
            ? outputs.map((column, i) => ({ ...column, name: named[i] ?? column.name }))
            : outputs
        if (renamed.some((column) => column.values.length !== table.rows))
          throw fail(
            'serving.model_failed',
            'The model gave another number of rows than it was given'
          )
        deps.tell({
          ...event,
          latencyMs: performance.now() - begun,
          stages: { featuresMs: 0, queueMs: outcome.queueMs, computeMs: outcome.computeMs },
          busyMs: outcome.busyMs,
          inputs: isLogged ? loggedColumns(inputs, plan.stacked) : [],
          outputs: isLogged ? renamed : [],
        })
        return renamed
      } catch (error) {
        const code = error instanceof AppError ? error.code : 'internal.unexpected'
        deps.tell({
          ...event,
          latencyMs: performance.now() - begun,
          status: statusOf(code),
          errorCode: code,
        })
        throw error
      }
    },
    close: () => served.retire(),
  }
}

/** As long as a name in the ledger may be. */
const MAX_NAME = 120

/**
 * Tables are told of beside their endpoint, under a name that no endpoint can have: a run of thousands of rows must not stand in an endpoint's latency,
 * and rows that nobody sent it not in its monitors.
 */
function nameOf(
  project: string,
  endpointId: string | null,
  name: string
): Pick<InferenceCompleted, 'endpoint' | 'endpointId'> {
  const safe = encodeURIComponent(name) // it is a folder of the log
  return {
    endpoint: `batch:${safe}`.slice(0, MAX_NAME),
    endpointId: `batch:${endpointId ?? `${project}/${safe}`}`.slice(0, MAX_NAME),
  }
}

/** What is loaded for a target, and which endpoint it belongs to. */
export function scoreSettings(
  fleet: Fleet,
  project: string,
  target: ScoreTarget
): {
  source: LoadSource
  columns: readonly string[] | null
  featureService: string | null
  served: { endpoint: string; endpointId: string; variant: string } | null
} {
  if ('model' in target)
    return {
      source: { kind: 'registered', reference: target.model },
      columns: target.columns ?? null,
      featureService: null,
      served: null,
    }
  const endpoint = fleet.find(project, target.endpoint)
  if (endpoint === undefined)
    throw fail('serving.endpoint_not_found', `No endpoint "${target.endpoint}"`, {
      details: { endpoint: target.endpoint },
    })
  const { stored, variants } = endpoint
  const heaviest = stored.traffic.weights.toSorted((a, b) => b.basisPoints - a.basisPoints)[0]
  const name = target.variant ?? heaviest?.variant
  const variant = name === undefined ? undefined : variants.get(name)
  if (variant === undefined)
    throw fail(
      'serving.variant_not_found',
      name === undefined
        ? `Endpoint "${target.endpoint}" has no variant with traffic`
        : `Endpoint "${target.endpoint}" has no variant "${name}"`
    )
  if (variant.llm !== null)
    throw fail('request.invalid', `"${target.endpoint}" is an LLM; it scores no table`)
  const { model } = variant
  return {
    source:
      variant.outside === null
        ? { kind: 'registered', reference: `${model.name}/${model.version}` }
        : { kind: 'outside', outside: variant.outside, model },
    columns: stored.columns,
    featureService: stored.featureService,
    served: { endpoint: stored.name, endpointId: stored.id, variant: variant.name },
  }
}
