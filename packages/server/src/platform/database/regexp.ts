import type { DatabaseSync } from 'node:sqlite'
import type { RE2JS } from 're2js'

const MAX_COMPILED = 64

/**
 * `text REGEXP pattern` for SQLite, which has the operator and no function for it. RE2's syntax: its time grows with the text alone,
 * so no pattern can hold the server. Loaded at its first use.
 */
export function createRegexp(raw: DatabaseSync): (pattern: string) => Promise<void> {
  let compile: ((pattern: string) => RE2JS) | null = null
  const compiled = new Map<string, RE2JS>()

  const patternOf = (pattern: string): RE2JS => {
    const known = compiled.get(pattern)
    if (known !== undefined) return known
    if (compile === null) throw new Error('REGEXP is not loaded')
    const fresh = compile(pattern)
    if (compiled.size >= MAX_COMPILED) compiled.delete(compiled.keys().next().value ?? '')
    compiled.set(pattern, fresh)
    return fresh
  }

  return async (pattern) => {
    if (compile === null) {
      const { RE2JS: library } = await import('re2js')
      compile = (text) => library.compile(text)
      raw.function('regexp', { deterministic: true }, (given, text) =>
        typeof text === 'string' && patternOf(String(given)).matcher(text).find() ? 1 : 0
      )
    }
    patternOf(pattern)
  }
}
