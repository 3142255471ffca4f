import type { LlmGuardrail } from '@trestle/contract'

/** A rule over text: what it finds, and what stands in its place. */
export type TextRule = Readonly<{
  name: string
  pattern: RegExp
  accept: (found: string) => boolean
}>

const always = (): boolean => true

/** What personal data looks like. Numbers with a check digit are only taken when it is right, so that order numbers stay. */
const PII: Readonly<Record<string, TextRule>> = {
  email: {
    name: 'EMAIL',
    pattern: /[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}/g,
    accept: always,
  },
  'credit-card': {
    name: 'CREDIT_CARD',
    pattern: /(?<!\d)(?:\d[ -]?){13,19}(?!\d)/g,
    accept: isLuhn,
  },
  iban: {
    name: 'IBAN',
    pattern: /\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b/g,
    accept: isIban,
  },
  ip: {
    name: 'IP',
    pattern: /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/g,
    accept: (found) => found.split('.').every((part) => Number(part) <= 255),
  },
  'us-ssn': {
    name: 'US_SSN',
    pattern: /(?<!\d)(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?!\d)/g,
    accept: always,
  },
  'secret-key': {
    name: 'SECRET_KEY',
    pattern:
      /\b(?:sk-[A-Za-z0-9_-]{16,200}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|trs_[0-9a-f]{40})\b/g,
    accept: always,
  },
  // Last: many numbers look like one.
  phone: {
    name: 'PHONE',
    pattern:
      /(?<![\w.]|\d[\s-])\+?\d{1,3}[\s.-]?\(?\d{2,4}\)?(?:[\s.-]?\d{2,4}){2,3}(?![\w]|[\s.-]\d)/g,
    accept: (found) => {
      const digits = found.replaceAll(/\D/g, '')
      return digits.length >= 9 && digits.length <= 15 && /[+\s.()-]/.test(found)
    },
  },
}

/** The rules of a guardrail that looks at text itself; none for one that asks elsewhere. */
export function textRules(guardrail: LlmGuardrail): TextRule[] {
  switch (guardrail.kind) {
    case 'pii':
      return Object.entries(PII).flatMap(([kind, rule]) =>
        guardrail.find.some((wanted) => wanted === kind) ? [rule] : []
      )
    case 'regex':
      return guardrail.patterns.map(({ name, regex }) => ({
        name,
        pattern: new RegExp(regex, 'gu'),
        accept: always,
      }))
    case 'webhook':
      return []
  }
}

/** A piece of text that a rule found. */
export type Finding = Readonly<{ start: number; end: number; name: string }>

/** What the rules find, in order and without overlaps: where two find the same, the earlier rule has it. */
export function findAll(text: string, rules: readonly TextRule[]): Finding[] {
  const found: Finding[] = []
  for (const { name, pattern, accept } of rules)
    for (const match of text.matchAll(pattern)) {
      const [piece] = match
      const [start, end] = [match.index, match.index + piece.length]
      const isFree = found.every((other) => end <= other.start || start >= other.end)
      if (piece !== '' && isFree && accept(piece)) found.push({ start, end, name })
    }
  return found.toSorted((a, b) => a.start - b.start)
}

/** The text from `from` to `to` with `[NAME]` in the place of what was found there. */
export function render(
  text: string,
  found: readonly Finding[],
  { from, to }: { from: number; to: number }
): string {
  let out = ''
  let at = from
  for (const { start, end, name } of found) {
    if (start < from || end > to) continue
    out += `${text.slice(at, start)}[${name}]`
    at = end
  }
  return out + text.slice(at, to)
}

/** Puts `[NAME]` in the place of all that the rules find, and tells what was found. */
export function maskText(
  text: string,
  rules: readonly TextRule[]
): { text: string; found: ReadonlySet<string> } {
  const found = findAll(text, rules)
  return {
    text: found.length === 0 ? text : render(text, found, { from: 0, to: text.length }),
    found: new Set(found.map(({ name }) => name)),
  }
}

/** ISO/IEC 7812-1, annex B. */
function isLuhn(found: string): boolean {
  const digits = found.replaceAll(/\D/g, '')
  if (digits.length < 13 || /^0+$/.test(digits)) return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** ISO 13616: the rearranged number is 1 modulo 97. */
function isIban(found: string): boolean {
  const compact = found.replaceAll(' ', '')
  if (compact.length < 15 || compact.length > 34) return false
  const digits = (compact.slice(4) + compact.slice(0, 4)).replaceAll(/[A-Z]/g, (letter) =>
    String(letter.charCodeAt(0) - 55)
  )
  let rest = 0
  for (const digit of digits) rest = (rest * 10 + Number(digit)) % 97
  return rest === 1
}
