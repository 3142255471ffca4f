import { fail } from '../../../../platform/errors.ts'
import { maskText, type TextRule } from './text-rules.ts'

/** Rules with what to do about what they find. */
export type OwnRules = Readonly<{ rules: readonly TextRule[]; action: 'mask' | 'block' }>

/** Refuses what was found by a rule that blocks. */
export function refuseFound(found: ReadonlySet<string>, of: 'request' | 'answer'): void {
  if (found.size === 0) return
  throw fail(
    'serving.guardrail_refused',
    `A guardrail refused the ${of}: it holds ${[...found].join(', ')}`,
    { details: { found: [...found] } }
  )
}

/** Applies rules in order. Throws `serving.guardrail_refused` for one that blocks. */
export function applyRules(
  rules: readonly OwnRules[],
  text: string,
  of: 'request' | 'answer'
): string {
  let masked = text
  for (const { rules: own, action } of rules) {
    const result = maskText(masked, own)
    if (action === 'block') refuseFound(result.found, of)
    masked = result.text
  }
  return masked
}
