import { fail } from '../../../platform/errors.ts'
import { setMembers } from './json-members.ts'
import type { LlmCall } from './llm-call.ts'
import { isRecord } from '../named-inputs.ts'

/** Messages of a prompt with `{{names}}` to be filled in. */
export type PromptTemplate = readonly Readonly<{ role: string; content: string }>[]

/** A version of a prompt. */
export type Prompt = Readonly<{ name: string; version: number; messages: PromptTemplate }>

/** Where prompts come from. Throws when the reference names nothing, or a model that is no prompt. */
export interface PromptSource {
  resolve(project: string, reference: string): Promise<Prompt>
}

/** A registry without prompts. */
export const noPrompts: PromptSource = {
  resolve: async (_project, reference) => {
    throw fail('registry.version_not_found', `No prompt "${reference}"`)
  },
}

const VARIABLE = /\{\{\s*([\w.-]+)\s*\}\}/g

/**
 * A call with the prompt's messages before its own. Values come from `prompt_variables` of the request, which goes no further; a name without a value
 * is left as it is, so that a mistake shows.
 */
export function withPrompt(call: LlmCall, template: PromptTemplate): LlmCall {
  const given = call.body['prompt_variables']
  const values = isRecord(given) ? given : {}
  const fill = (text: string): string =>
    text.replaceAll(VARIABLE, (whole, name: string) => {
      const value = values[name]
      return value === undefined ? whole : typeof value === 'string' ? value : JSON.stringify(value)
    })
  const messages = template.map(({ role, content }) => ({ role, content: fill(content) }))
  const changed = changesFor(call, messages)
  const body = Object.fromEntries(
    Object.entries({ ...call.body, ...changed }).filter(([, value]) => value !== undefined)
  )
  return { ...call, body, bytes: setMembers(call.bytes, changed) }
}

function changesFor(
  { operation, body }: LlmCall,
  messages: readonly { role: string; content: string }[]
): Record<string, unknown> {
  const rest = { prompt_variables: undefined }
  const text = messages.map(({ content }) => content).join('\n\n')
  switch (operation) {
    case 'chat':
      return { ...rest, messages: [...messages, ...listOf(body['messages'])] }
    case 'messages': {
      const { system } = body
      const own = typeof system === 'string' ? [{ type: 'text', text: system }] : listOf(system)
      const turns = messages.filter(({ role }) => role !== 'system')
      const first = messages.filter(({ role }) => role === 'system')
      return {
        ...rest,
        system: [...first.map(({ content }) => ({ type: 'text', text: content })), ...own],
        messages: [...turns, ...listOf(body['messages'])],
      }
    }
    case 'responses':
      return {
        ...rest,
        instructions:
          typeof body['instructions'] === 'string' ? `${text}\n\n${body['instructions']}` : text,
      }
    case 'completions':
      return typeof body['prompt'] === 'string'
        ? { ...rest, prompt: `${text}\n\n${body['prompt']}` }
        : rest
    case 'embeddings':
    case 'rerank':
      return rest
  }
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [])
