import type { Binding, LlamaModel, Token } from './binding.ts'

/** A body as it came; what is used of it is looked at where it is used. */
export type Body = Readonly<Record<string, unknown>>

/** What a caller asked for that can't be done. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(message: string, status = 400, code = 'invalid_request') {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The tokens of a chat as the model was trained on them. Throws a refusal for what a text model can't read. */
export function promptOfChat(binding: Binding, model: LlamaModel, body: Body): Token[] {
  const { messages } = body
  if (!Array.isArray(messages) || messages.length === 0)
    throw new Refusal('"messages" must be a list with at least one message')
  if (Array.isArray(body['tools']) && body['tools'].length > 0)
    throw new Refusal('A GGUF model that Trestle runs calls no tools; leave "tools" out')
  const history = messages.map((message: unknown) => {
    const { role, content } = recordOf(message)
    const text = textOf(content)
    if (role === 'assistant') return { type: 'model' as const, response: [text] }
    if (role === 'system' || role === 'developer') return { type: 'system' as const, text }
    if (role === 'user') return { type: 'user' as const, text }
    throw new Refusal(`There is no role "${String(role)}" here`)
  })
  const { contextText } = binding
    .resolveChatWrapper(model)
    .generateContextState({ chatHistory: [...history, { type: 'model', response: [] }] })
  return contextText.tokenize(model.tokenizer)
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part: unknown) => {
      const { type, text } = recordOf(part)
      if (type === 'text' && typeof text === 'string') return text
      throw new Refusal(`A GGUF model that Trestle runs reads text alone, no "${String(type)}"`)
    })
    .join('')
}

export const recordOf = (value: unknown): Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : {}
