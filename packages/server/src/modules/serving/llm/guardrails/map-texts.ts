import { isRecord } from '../../named-inputs.ts'

/** Members of requests and answers that hold what people and models say. */
const REQUEST_MEMBERS = [
  'system',
  'instructions',
  'messages',
  'prompt',
  'input',
  'query',
  'documents',
]
const ANSWER_MEMBERS = ['choices', 'content', 'output']
const TEXT_MEMBERS = new Set([
  'content',
  'text',
  'arguments',
  'partial_json',
  'reasoning_content',
  'thinking',
  'input',
])

/** The members of a body whose texts `change` changes, with all else of them as it was. Empty when nothing changes. */
export function mapTexts(
  body: Readonly<Record<string, unknown>>,
  of: 'request' | 'answer',
  change: (text: string) => string
): Record<string, unknown> {
  const changed: Record<string, unknown> = {}
  for (const name of of === 'request' ? REQUEST_MEMBERS : ANSWER_MEMBERS) {
    const before = body[name]
    if (before === undefined) continue
    const after = mapValue(before, change, true)
    if (JSON.stringify(after) !== JSON.stringify(before)) changed[name] = after
  }
  return changed
}

function mapValue(value: unknown, change: (text: string) => string, isText: boolean): unknown {
  if (typeof value === 'string') return isText ? change(value) : value
  if (Array.isArray(value)) return value.map((item) => mapValue(item, change, isText))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapValue(item, change, TEXT_MEMBERS.has(key))])
  )
}
