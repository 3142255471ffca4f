import { stageOf, type Stage } from './model-version.ts'

/** How a model version is pointed at. */
export type Reference = Readonly<{ name: string }> &
  Readonly<
    | { kind: 'version'; version: number }
    | { kind: 'alias'; alias: string }
    | { kind: 'stage'; stage: Stage }
    | { kind: 'latest' }
  >

/** Reads `name/3`, `name@champion`, `name/Production`, `name/latest`, each with or without `models:/`. Null when it is none of them. */
export function parseReference(text: string): Reference | null {
  const bare = text.replace(/^models:\/+/, '')
  const at = bare.lastIndexOf('@')
  if (at > 0 && !bare.includes('/')) {
    const alias = bare.slice(at + 1)
    return alias === '' ? null : { kind: 'alias', name: bare.slice(0, at), alias }
  }
  const slash = bare.indexOf('/')
  if (slash <= 0) return null
  const name = bare.slice(0, slash)
  const rest = bare.slice(slash + 1)
  if (/^[1-9]\d{0,9}$/.test(rest)) return { kind: 'version', name, version: Number(rest) }
  if (rest.toLowerCase() === 'latest') return { kind: 'latest', name }
  const stage = stageOf(rest)
  return stage === null ? null : { kind: 'stage', name, stage }
}
