import { readFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { api, featureManifest } from '@trestle/contract'
import { collectDeclarations, type Declarations } from '@trestle/sdk'
import { parse } from 'yaml'

const MODULES: Readonly<Record<string, string>> = {
  '.ts': 'module-typescript',
  '.mts': 'module-typescript',
  '.js': 'module',
  '.mjs': 'module',
}
const KEYS = [
  'features',
  'endpoints',
  'monitors',
  'rollouts',
  'freezeWindows',
  'rateCards',
  'budgets',
] as const

/** The declarations of a module, or of a YAML or JSON file. Throws with every fault that can be seen without the server. */
export async function readDeclarations(file: string): Promise<Declarations> {
  const extension = extname(file)
  const format = MODULES[extension]
  if (format !== undefined) return collectDeclarations(await importModule(resolve(file), format))
  if (!['.yaml', '.yml', '.json'].includes(extension))
    throw new Error(`${file}: give a .ts, .js, .yaml or .json file`)
  return checkDeclarations(file, parse(await readFile(file, 'utf8')))
}

/** Imports as an ES module whatever the package around it says; `@trestle/sdk` is this program's own where the package has none. */
async function importModule(path: string, format: string): Promise<Record<string, unknown>> {
  const url = pathToFileURL(path).href
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier === url) return { ...next(specifier, context), format }
      if (specifier !== '@trestle/sdk') return next(specifier, context)
      try {
        return next(specifier, context)
      } catch {
        return next(specifier, { ...context, parentURL: import.meta.url })
      }
    },
  })
  try {
    return (await import(url)) as Record<string, unknown> // exports of somebody's module: collectDeclarations looks at each
  } finally {
    hooks.deregister()
  }
}

function checkDeclarations(file: string, content: unknown): Declarations {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new Error(`${file}: has none of the keys ${KEYS.join(', ')}`)
  const given: Partial<Record<(typeof KEYS)[number], unknown>> = content
  const unknown = Object.keys(given).filter((key) => !KEYS.some((known) => known === key))
  if (unknown.length > 0)
    throw new Error(`${file}: unknown key "${unknown.join('", "')}"; there are ${KEYS.join(', ')}`)
  const { features = {}, endpoints = [], monitors = [], rateCards = [], budgets = [] } = given
  const { rollouts: policies = [], freezeWindows = [] } = given
  const parsed = [
    [featureManifest.safeParse(features), 'features'] as const,
    [api.serving.apply.body.safeParse({ endpoints }), ''] as const,
    [api.monitoring.apply.body.safeParse({ monitors }), ''] as const,
    [api.costs.apply.body.safeParse({ rateCards, budgets }), ''] as const,
    [api.rollouts.apply.body.safeParse({ policies, freezeWindows }), ''] as const,
  ] as const
  const faults = parsed.flatMap(([result, under]) =>
    (result.error?.issues ?? []).map(
      (issue) =>
        `  ${[under, ...issue.path]
          .filter((p) => p !== '')
          .map((p, i) => (i === 0 && p === 'policies' ? 'rollouts' : p))
          .join('.')}: ${issue.message}`
    )
  )
  const [[f], [s], [m], [c], [r]] = parsed
  if (!f.success || !s.success || !m.success || !c.success || !r.success)
    throw new Error(`${file} is not right:\n${faults.join('\n')}`)
  return {
    features: f.data,
    endpoints: s.data.endpoints,
    monitors: m.data.monitors,
    rollouts: r.data.policies,
    freezeWindows: r.data.freezeWindows,
    rateCards: c.data.rateCards,
    budgets: c.data.budgets,
  }
}
