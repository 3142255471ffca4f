import type { LlmGuardrail } from '@trestle/contract'
import { z } from 'zod'
import { fail } from '../../../../platform/errors.ts'

export type WebhookGuardrail = Extract<LlmGuardrail, { kind: 'webhook' }>

const verdict = z.object({
  action: z.enum(['allow', 'block', 'replace']),
  text: z.string().optional(),
  reason: z.string().optional(),
})

/** Asks a webhook about a text. Returns the text to go on with, or throws `serving.guardrail_refused`. */
export async function askWebhook(
  hook: WebhookGuardrail,
  about: { stage: string; endpoint: string; text: string }
): Promise<string> {
  let answer: z.infer<typeof verdict>
  try {
    const response = await fetch(hook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(about),
      signal: AbortSignal.timeout(hook.timeoutMs),
    })
    if (!response.ok) throw new Error(`status ${response.status}`)
    answer = verdict.parse(await response.json())
  } catch (error) {
    if (hook.onFailure === 'allow') return about.text
    throw fail(
      'serving.guardrail_refused',
      'A guardrail did not answer, and without it nothing goes on',
      {
        cause: error,
      }
    )
  }
  switch (answer.action) {
    case 'allow':
      return about.text
    case 'replace':
      return answer.text ?? about.text
    case 'block':
      throw fail('serving.guardrail_refused', answer.reason ?? 'A guardrail refused it')
  }
}
