import type { FilterToken } from './filter-tokens.ts'
import { invalidParameter } from './mlflow-error.ts'

/** `left operator right`; `right` is null where the operator takes none (`IS NULL`). */
export type Comparison = { left: FilterToken; operator: string; right: FilterToken | null }

/** The operators of one filter language that are words: each as its words, in capitals. */
export type WordOperators = Readonly<{
  binary: readonly (readonly string[])[]
  /** Those that follow a name and end the comparison. */
  unary?: readonly (readonly string[])[]
}>

/** Cuts tokens into comparisons joined by AND. Throws INVALID_PARAMETER_VALUE for what is left over. */
export function readComparisons(
  tokens: readonly FilterToken[],
  operators: WordOperators
): Comparison[] {
  const comparisons: Comparison[] = []
  const loose: FilterToken[] = []
  let i = 0
  while (i < tokens.length) {
    const left = tokens[i]
    if (left === undefined) break
    const test = wordsAt(tokens, i + 1, operators.unary ?? [])
    if (test !== null && isOperand(left)) {
      comparisons.push({ left, operator: test.join(' '), right: null })
      i += 1 + test.length
      continue
    }
    const operator = operatorAt(tokens, i + 1, operators.binary)
    const right = operator === null ? undefined : tokens[i + 1 + operator.length]
    if (operator !== null && right !== undefined && isOperand(left) && isOperand(right)) {
      comparisons.push({ left, operator: operator.text, right })
      i += 2 + operator.length
      continue
    }
    if (!isWord(left, 'AND')) loose.push(left)
    i += 1
  }
  if (loose.length > 0)
    throw invalidParameter(
      `Invalid clause(s) in filter string: ${loose.map((token) => `'${token.text}'`).join(', ')}`
    )
  return comparisons
}

const isWord = (token: FilterToken | undefined, word: string): boolean =>
  token?.kind === 'name' && token.text.toUpperCase() === word

function isOperand(token: FilterToken): boolean {
  return token.kind !== 'operator' && token.kind !== 'other' && !isWord(token, 'AND')
}

function operatorAt(
  tokens: readonly FilterToken[],
  at: number,
  words: WordOperators['binary']
): { text: string; length: number } | null {
  const token = tokens[at]
  if (token?.kind === 'operator') return { text: token.text, length: 1 }
  const found = wordsAt(tokens, at, words)
  return found === null ? null : { text: found.join(' '), length: found.length }
}

const wordsAt = (
  tokens: readonly FilterToken[],
  at: number,
  operators: readonly (readonly string[])[]
): readonly string[] | null =>
  operators.find((words) => words.every((word, i) => isWord(tokens[at + i], word))) ?? null
