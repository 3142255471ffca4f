import { createBusyShares } from '../../../kernel/busy-share.ts'
import { messageOf } from '../../../kernel/errors.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import type { Clock } from '../../../kernel/clock.ts'
import { fail } from '../../../platform/errors.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { Telemetry } from '../../../platform/telemetry/otlp/index.ts'
import type { Fleet, LiveEndpoint, LiveVariant } from '../fleet.ts'
import type { InferenceCompleted } from '../inference-event.ts'
import { stickyKeyOf } from '../sticky-key.ts'
import { chooseVariant, isShadowed } from '../traffic.ts'
import { answerFromCache } from './cache/answer-from-cache.ts'
import { createCallCache } from './cache/call-cache.ts'
import type { CallLimits, CallPass } from './call-limits.ts'
import { completeCall, type CallOutcome } from './complete-call.ts'
import { guardedCall } from './guarded-call.ts'
import type { AnswerSink, Dialect, LlmCall } from './llm-call.ts'
import { toLlmEvent } from './llm-event.ts'
import type { LocalModels } from './local/local-models.ts'
import type { LlmPrediction } from './llm-prediction.ts'
import type { ChargeScope, Hold, KeySource, LlmAccounts, TokenCounter } from './ports.ts'
import { boundInputTokens, boundOutputTokens, promptTextOf } from './prompt-text.ts'
import { withPrompt } from './prompt.ts'
import { settleUsage } from './settle-usage.ts'
import { inputTokens, outputTokens } from './token-usage.ts'
import type { Upstream } from './upstream.ts'

/** Answers LLM calls from the backends of an endpoint's variants. Knows no protocol of callers but by `dialect`. */
export interface LlmGateway {
  /** Resolves when the answer is out. Throws catalogued errors while nothing was sent; every call of a known endpoint is told of through `onCompleted`. */
  answer(call: LlmCall, sink: AnswerSink, dialect: Dialect): Promise<void>
  /** Resolves when every call is told of. */
  flush(): Promise<void>
}

/** What a call is as it goes on, and what must be given back after it, however far it came. */
type Ticket = { call: LlmCall; pass: CallPass | null; hold: Hold | null }

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
  limits: CallLimits
  localModels: LocalModels
  /** Null: nobody traces. */
  telemetry: Telemetry | null
  onCompleted: (event: InferenceCompleted) => void
}): LlmGateway {
  const { fleet, clock, accounts } = deps
  const cache = createCallCache({ clock, embed })
  const settling = new Set<Promise<void>>()
  const busy = createBusyShares({ units: 1, now: () => performance.now() })

  const traceOf = (call: LlmCall): LlmPrediction['trace'] => {
    if (deps.telemetry === null) return null
    const own = deps.telemetry.begin(call.header('traceparent'), call.header('tracestate'))
    return { own, call: deps.telemetry.under(own) }
  }
  const shadowTrace = ({ trace }: LlmPrediction): LlmPrediction['trace'] => {
    if (deps.telemetry === null || trace === null) return null
    const own = deps.telemetry.under(trace.own)
    return { own, call: deps.telemetry.under(own) }
  }

  const track = (work: Promise<void>): void => {
    const done = work
      .catch((error: unknown) => deps.log.error({ err: error }, 'settling an LLM call'))
      .finally(() => settling.delete(done))
    settling.add(done)
  }

  /** Lets the call in, answers it from a cache or a backend, and books what it used. */
  const run = async (
    prediction: LlmPrediction,
    sink: AnswerSink,
    dialect: Dialect
  ): Promise<CallOutcome> => {
    const ticket: Ticket = { call: prediction.call, pass: null, hold: null }
    let outcome: CallOutcome
    try {
      outcome = await serve(prediction, ticket, { sink, dialect })
    } catch (error) {
      outcome = failedOutcome(error instanceof Error ? error : new Error(messageOf(error)))
    }
    const latencyMs = performance.now() - prediction.begunAt
    const { call } = ticket
    const prompt = promptTextOf(call.body)
    track(
      settleUsage(deps.tokens, { call, prompt, outcome }).then((used) => {
        ticket.pass?.leave(used === null ? 0 : inputTokens(used.usage) + outputTokens(used.usage))
        ticket.hold?.settle(
          used === null || outcome.backend === null || outcome.cache !== null
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

  const serve = async (
    prediction: LlmPrediction,
    ticket: Ticket,
    { sink, dialect }: { sink: AnswerSink; dialect: Dialect }
  ): Promise<CallOutcome> => {
    const { llm, variant, endpoint } = prediction
    const isLive = prediction.role === 'live'
    if (llm.prompt !== null) ticket.call = withPrompt(ticket.call, llm.prompt)
    if (llm.guardrails !== null) ticket.call = await llm.guardrails.checkInput(ticket.call)
    const { call } = ticket
    const bound = boundInputTokens(promptTextOf(call.body))
    if (isLive)
      ticket.pass = deps.limits.enter(
        call,
        Math.ceil(bound / 2) + (boundOutputTokens(call.body) ?? 0)
      )
    const lookup =
      llm.spec.cache === null || !isLive
        ? null
        : await cache.lookup(
            call,
            { endpointId: endpoint.stored.id, name: variant.name, addedAt: variant.addedAt },
            llm.spec.cache
          )
    const headers = ticket.pass?.headers ?? {}
    if (lookup?.hit != null)
      return answerFromCache(lookup.hit, sink, {
        'x-trestle-prediction-id': prediction.id,
        'x-trestle-variant': variant.name,
        ...headers,
        age: String(Math.floor((clock.now() - lookup.hit.answer.storedAt) / 1_000)),
      })
    ticket.hold = await holdFor({ call, llm }, bound)
    const kept: Buffer[] = []
    const outcome = await guardedCall(llm.guardrails, { call, sink }, (inner) =>
      completeCall(
        { ...deps, busy },
        {
          call,
          llm,
          sink: inner,
          dialect,
          predictionId: prediction.id,
          trace: prediction.trace?.call ?? null,
          variant: variant.name,
          headers: lookup === null ? headers : { ...headers, 'x-trestle-cache': 'miss' },
          keep: lookup === null ? null : (bytes) => void kept.push(bytes),
        }
      )
    )
    if (lookup !== null && outcome.error === null && outcome.answer?.isComplete === true)
      lookup.store(
        call.isStream ? 'text/event-stream; charset=utf-8' : 'application/json',
        Buffer.concat(kept)
      )
    return outcome
  }

  const holdFor = async (
    { call, llm }: Pick<LlmPrediction, 'call' | 'llm'>,
    bound: number
  ): Promise<Hold> => {
    const [first] = llm.pool.slots
    if (first === undefined) throw fail('serving.not_ready', 'This variant has no backend')
    const scope: ChargeScope = call
    const held = accounts.reserve(scope, {
      backends: llm.pool.slots.map(({ backend }) => backend),
      inputTokens: bound,
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
          trace: shadowTrace(prediction),
        }
        await run(copy, createNowhere(), SILENT)
      })
      if (!isTaken) variant.meter.shadowDropped()
    }
  }

  async function embed(
    call: LlmCall,
    endpoint: string,
    text: string
  ): Promise<readonly number[] | null> {
    const body = { model: endpoint, input: text }
    const answered = createCollector()
    await gateway.answer(
      {
        ...call,
        endpoint,
        operation: 'embeddings',
        wire: 'openai',
        isStream: false,
        variant: null,
        body,
        bytes: Buffer.from(JSON.stringify(body)),
      },
      answered.sink,
      SILENT
    )
    return readEmbedding(answered.bytes())
  }

  const gateway: LlmGateway = {
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
        trace: traceOf(call),
      }
      const outcome = await run(prediction, sink, dialect)
      if (outcome.answer !== null) setImmediate(() => shadow(prediction))
      const hasAnswered = outcome.answer !== null && outcome.isRefused !== true
      if (outcome.error !== null && !hasAnswered) throw outcome.error
    },
    async flush() {
      while (settling.size > 0) await Promise.all(settling)
    },
  }
  return gateway
}

const failedOutcome = (error: Error): CallOutcome => ({
  error,
  answer: null,
  backend: null,
  firstTokenMs: null,
  attempts: 0,
  busyMs: 0,
  isCut: false,
  cache: null,
})

/** Takes an answer in, for ourselves. */
function createCollector(): { sink: AnswerSink; bytes: () => Buffer } {
  const chunks: Buffer[] = []
  const nowhere = createNowhere()
  return {
    sink: {
      ...nowhere,
      write: (bytes) => chunks.push(bytes) > 0,
      end: (bytes) => void (bytes === undefined ? 0 : chunks.push(bytes)),
    },
    bytes: () => Buffer.concat(chunks),
  }
}

function readEmbedding(bytes: Buffer): readonly number[] | null {
  const parsed = JSON.parse(bytes.toString('utf8')) as { data?: { embedding?: unknown }[] } // looked at below
  const values = parsed.data?.[0]?.embedding
  return Array.isArray(values) && values.every((value) => typeof value === 'number') ? values : null
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
