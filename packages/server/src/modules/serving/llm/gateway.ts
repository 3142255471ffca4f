import { messageOf } from '../../../kernel/errors.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import type { Clock } from '../../../kernel/clock.ts'
import { fail } from '../../../platform/errors.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { Fleet, LiveEndpoint, LiveVariant } from '../fleet.ts'
import type { InferenceCompleted } from '../inference-event.ts'
import { stickyKeyOf } from '../sticky-key.ts'
import { chooseVariant, isShadowed } from '../traffic.ts'
import { completeCall, type CallOutcome } from './complete-call.ts'
import type { AnswerSink, Dialect, LlmCall } from './llm-call.ts'
import { toLlmEvent } from './llm-event.ts'
import type { LlmPrediction } from './llm-prediction.ts'
import type { ChargeScope, Hold, KeySource, LlmAccounts, TokenCounter } from './ports.ts'
import { boundInputTokens, boundOutputTokens, promptTextOf } from './prompt-text.ts'
import { settleUsage } from './settle-usage.ts'
import type { Upstream } from './upstream.ts'

/** Answers LLM calls from the backends of an endpoint's variants. Knows no protocol of callers but by `dialect`. */
export interface LlmGateway {
  /** Resolves when the answer is out. Throws catalogued errors while nothing was sent; every call of a known endpoint is told of through `onCompleted`. */
  answer(call: LlmCall, sink: AnswerSink, dialect: Dialect): Promise<void>
  /** Resolves when every call is told of. */
  flush(): Promise<void>
}

export function createLlmGateway(deps: {
  fleet: Fleet
  upstream: Upstream
  accounts: LlmAccounts
  keys: KeySource
  tokens: TokenCounter
  clock: Clock
  log: Logger
  /** Whether a rollout lets a variant have its copies now. */
  mayShadow: (endpointId: string, variant: string) => boolean
  onCompleted: (event: InferenceCompleted) => void
}): LlmGateway {
  const { fleet, clock, accounts } = deps
  const settling = new Set<Promise<void>>()

  const track = (work: Promise<void>): void => {
    const done = work
      .catch((error: unknown) => deps.log.error({ err: error }, 'settling an LLM call'))
      .finally(() => settling.delete(done))
    settling.add(done)
  }

  /** Holds the money, makes the call, and books what it used. */
  const run = async (
    prediction: LlmPrediction,
    sink: AnswerSink,
    dialect: Dialect
  ): Promise<CallOutcome> => {
    const { call, llm } = prediction
    const prompt = promptTextOf(call.body)
    let hold: Hold | null = null
    let outcome: CallOutcome
    try {
      hold = await holdFor(prediction, boundInputTokens(prompt))
      outcome = await completeCall(
        { ...deps, accounts },
        { call, llm, sink, dialect, predictionId: prediction.id, variant: prediction.variant.name }
      )
    } catch (error) {
      outcome = {
        error: error instanceof Error ? error : new Error(messageOf(error)),
        answer: null,
        backend: null,
        firstTokenMs: null,
        attempts: 0,
        isCut: false,
      }
    }
    const latencyMs = performance.now() - prediction.begunAt
    track(
      settleUsage(deps.tokens, { call, prompt, outcome }).then((used) => {
        hold?.settle(
          used === null || outcome.backend === null
            ? null
            : { backend: outcome.backend, usage: used.usage, serviceTier: used.serviceTier }
        )
        const event = toLlmEvent(prediction, { outcome, used, latencyMs, prompt: prompt.text })
        prediction.variant.meter.done(event)
        deps.onCompleted(event)
      })
    )
    return outcome
  }

  const holdFor = async ({ call, llm }: LlmPrediction, inputTokens: number): Promise<Hold> => {
    const [first] = llm.pool.slots
    if (first === undefined) throw fail('serving.not_ready', 'This variant has no backend')
    const scope: ChargeScope = call
    const held = accounts.reserve(scope, {
      backends: llm.pool.slots.map(({ backend }) => backend),
      inputTokens,
      outputTokens: boundOutputTokens(call.body),
    })
    const answer = held instanceof Promise ? await held : held
    if (answer.kind === 'held') return answer
    throw fail(
      'costs.budget_exceeded',
      answer.reason === 'unpriced'
        ? `The budget "${answer.budget}" can't be kept, since "${first.backend.priceAs}" of ${first.backend.provider} has no price; give it one: trestle costs prices`
        : `The budget "${answer.budget}" can't pay for this call: "${call.endpoint}" answers again in its next period, or when the budget is raised`,
      {
        details: {
          budget: answer.budget,
          ...(answer.retryAfterMs === null ? {} : { retryAfterMs: answer.retryAfterMs }),
        },
      }
    )
  }

  const shadow = (prediction: LlmPrediction): void => {
    const { endpoint } = prediction
    for (const { variant: name, share } of endpoint.plan.shadows) {
      const variant = endpoint.variants.get(name)
      if (variant === undefined || variant === prediction.variant || variant.llm === null) continue
      if (!deps.mayShadow(endpoint.stored.id, name)) continue
      if (!isShadowed(share, { salt: `${endpoint.plan.salt}/${name}`, id: prediction.id })) continue
      const { llm } = variant
      const isTaken = variant.shadows.offer(async () => {
        const copy: LlmPrediction = {
          ...prediction,
          variant,
          llm,
          id: randomHexId(),
          at: clock.now(),
          begunAt: performance.now(),
          role: 'shadow',
          pairedWith: prediction.id,
        }
        await run(copy, createNowhere(), SILENT)
      })
      if (!isTaken) variant.meter.shadowDropped()
    }
  }

  return {
    async answer(call, sink, dialect) {
      const endpoint = fleet.find(call.project, call.endpoint)
      if (endpoint === undefined)
        throw fail('serving.endpoint_not_found', `No endpoint "${call.endpoint}"`, {
          details: { endpoint: call.endpoint },
        })
      const stickyKey = stickyKeyOf(
        {
          apiKeyId: call.apiKeyId,
          header: call.header,
          payload: { kind: 'rows', rows: [call.body] },
        },
        endpoint
      )
      const variant = pickVariant(endpoint, call, stickyKey)
      const { llm } = variant
      if (llm === null)
        throw fail(
          'request.invalid',
          variant.state === 'failed'
            ? `Variant "${variant.name}" of "${call.endpoint}" failed: ${variant.error ?? ''}`
            : `"${call.endpoint}" is no LLM endpoint; ask it at /endpoints/${call.endpoint}/predict`
        )
      const prediction: LlmPrediction = {
        call,
        endpoint,
        variant,
        llm,
        id: randomHexId(),
        at: call.at,
        begunAt: performance.now(),
        stickyKey,
        role: 'live',
        pairedWith: null,
      }
      const outcome = await run(prediction, sink, dialect)
      if (outcome.answer !== null) setImmediate(() => shadow(prediction))
      if (outcome.error !== null && outcome.answer === null) throw outcome.error
    },
    async flush() {
      while (settling.size > 0) await Promise.all(settling)
    },
  }
}

function pickVariant(
  { variants, plan, stored }: LiveEndpoint,
  call: LlmCall,
  stickyKey: string | null
): LiveVariant {
  if (call.variant !== null) {
    const forced = variants.get(call.variant)
    if (forced !== undefined) return forced
    throw fail(
      'serving.variant_not_found',
      `Endpoint "${stored.name}" has no variant "${call.variant}"`,
      { details: { endpoint: stored.name, variant: call.variant } }
    )
  }
  const chosen = variants.get(chooseVariant(plan, stickyKey ?? call.requestId) ?? '')
  if (chosen?.state === 'ready') return chosen
  const standIn = plan.ranges
    .flatMap((range) => variants.get(range.variant) ?? [])
    .find(({ state }) => state === 'ready')
  const variant = standIn ?? chosen
  if (variant !== undefined) return variant
  throw fail('serving.not_ready', `Endpoint "${stored.name}" has no variant with traffic`)
}

/** Where the answers of shadows go. */
function createNowhere(): AnswerSink {
  return {
    head: () => undefined,
    write: () => true,
    end: () => undefined,
    isGone: false,
    onDrain: () => undefined,
    onGone: () => undefined,
  }
}

const SILENT: Dialect = { errorEvent: () => Buffer.alloc(0) }
