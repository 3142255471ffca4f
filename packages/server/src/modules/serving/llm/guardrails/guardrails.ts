import type { LlmGuardrail } from '@trestle/contract'
import { isRecord } from '../../named-inputs.ts'
import { setMembers } from '../json-members.ts'
import type { LlmCall } from '../llm-call.ts'
import { promptTextOf } from '../prompt-text.ts'
import { applyRules, type OwnRules } from './apply-rules.ts'
import { mapTexts } from './map-texts.ts'
import { createStreamMask, type StreamMask } from './stream-mask.ts'
import { textRules } from './text-rules.ts'
import { askWebhook, type WebhookGuardrail } from './webhook.ts'

type Stage = 'input' | 'output'

/** The guardrails of a variant, ready to look at its calls. */
export interface Guardrails {
  /** The call as it may go on: masked, or replaced by a webhook. Throws `serving.guardrail_refused`. */
  checkInput(call: LlmCall): LlmCall | Promise<LlmCall>
  /** What is asked beside the model: rejects when it refuses. Null when nothing is. */
  checkDuring(call: LlmCall): Promise<void> | null
  /** A whole answer as it may go out; null when no guardrail looks at answers. */
  readonly finishBody: ((body: Buffer) => Buffer | Promise<Buffer>) | null
  /** A new mask for one stream; null when no guardrail of ours looks at answers. */
  readonly maskStream: (() => StreamMask) | null
  /** Whether a stream must be held until its end, for a webhook to see all of it. */
  readonly checkWhole: ((text: string) => Promise<void>) | null
}

export function createGuardrails(
  declared: readonly LlmGuardrail[],
  endpoint: string
): Guardrails | null {
  if (declared.length === 0) return null
  const own = (stage: Stage): OwnRules[] =>
    declared.flatMap((guardrail) =>
      guardrail.kind !== 'webhook' && (guardrail.on === stage || guardrail.on === 'both')
        ? [{ rules: textRules(guardrail), action: guardrail.action }]
        : []
    )
  const hooks = (stage: WebhookGuardrail['on']): WebhookGuardrail[] =>
    declared.filter(
      (guardrail): guardrail is WebhookGuardrail =>
        guardrail.kind === 'webhook' && guardrail.on === stage
    )
  const input = own('input')
  const output = own('output')
  const inputHooks = hooks('input')
  const outputHooks = hooks('output')
  const duringHooks = hooks('during')

  const askAll = async (
    asked: readonly WebhookGuardrail[],
    about: { stage: string; text: string }
  ): Promise<string> => {
    let { text } = about
    for (const hook of asked) text = await askWebhook(hook, { ...about, endpoint, text })
    return text
  }

  const checkInput = (call: LlmCall): LlmCall => {
    if (input.length === 0) return call
    const changed = mapTexts(call.body, 'request', (text) => applyRules(input, text, 'request'))
    return Object.keys(changed).length === 0 ? call : withMembers(call, changed)
  }

  return {
    checkInput(call) {
      const masked = checkInput(call)
      if (inputHooks.length === 0) return masked
      const { text } = promptTextOf(masked.body)
      return askAll(inputHooks, { stage: 'input', text }).then((replaced) =>
        replaced === text ? masked : withMembers(masked, replaceLast(masked.body, replaced))
      )
    },
    checkDuring: (call) =>
      duringHooks.length === 0
        ? null
        : askAll(duringHooks, { stage: 'during', text: promptTextOf(call.body).text }).then(
            () => undefined
          ),
    finishBody:
      output.length === 0 && outputHooks.length === 0
        ? null
        : (body) => {
            const masked = maskBody(body, output)
            if (outputHooks.length === 0) return masked
            return askAll(outputHooks, { stage: 'output', text: textOf(masked) }).then(() => masked)
          },
    maskStream: output.length === 0 ? null : () => createStreamMask(output),
    checkWhole:
      outputHooks.length === 0
        ? null
        : async (text) => void (await askAll(outputHooks, { stage: 'output', text })),
  }
}

function maskBody(body: Buffer, output: readonly OwnRules[]): Buffer {
  if (output.length === 0) return body
  const parsed = parse(body)
  if (parsed === null) return body
  const changed = mapTexts(parsed, 'answer', (text) => applyRules(output, text, 'answer'))
  return Object.keys(changed).length === 0 ? body : setMembers(body, changed)
}

function withMembers(call: LlmCall, changed: Record<string, unknown>): LlmCall {
  return {
    ...call,
    body: { ...call.body, ...changed },
    bytes: setMembers(call.bytes, changed),
  }
}

/** A webhook that writes the input anew replaces what the caller said last. */
function replaceLast(
  body: Readonly<Record<string, unknown>>,
  text: string
): Record<string, unknown> {
  const { messages } = body
  if (Array.isArray(messages)) {
    const last = messages.at(-1) as unknown
    return {
      messages: [
        ...(messages.slice(0, -1) as unknown[]),
        { ...(isRecord(last) ? last : {}), content: text },
      ],
    }
  }
  return body['input'] === undefined ? { prompt: text } : { input: text }
}

function textOf(body: Buffer): string {
  const parsed = parse(body)
  if (parsed === null) return body.toString('utf8')
  const texts: string[] = []
  mapTexts(parsed, 'answer', (text) => {
    texts.push(text)
    return text
  })
  return texts.join('\n')
}

function parse(body: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}
