import type { DeclaredEndpoint, ServingChange } from '@trestle/contract'
import { fail } from '../../platform/errors.ts'
import type { EndpointControl, NewVariant } from './endpoint-control.ts'
import { isSameSettings, optionsOf, settingsOf } from './endpoint.ts'
import type { Fleet, LiveEndpoint } from './fleet.ts'
import { outsideFields, outsideName, outsideOf } from './outside-source.ts'
import type { Traffic } from './traffic.ts'

type Declaration = Readonly<{
  project: string
  endpoints: readonly DeclaredEndpoint[]
  prune: boolean
  dryRun: boolean
}>

type Deps = Readonly<{
  fleet: Fleet
  control: EndpointControl
  /** Throws when a rollout holds the endpoint's traffic. */
  requireFree: (endpoint: LiveEndpoint) => Promise<void>
}>

type Step = ServingChange & { run: () => Promise<void> }

/**
 * Brings endpoints to what is declared, and says what that changed: nothing, the second time. A declared variant is known by its name; the model that
 * runs under a name never changes, so another model needs another name. Traffic that is not declared is left to operators and rollouts.
 */
export async function applyEndpoints(
  deps: Deps,
  declaration: Declaration
): Promise<ServingChange[]> {
  const changes: ServingChange[] = []
  const seen = new Set<string>()
  for (const declared of declaration.endpoints) {
    if (seen.has(declared.name))
      throw fail('request.invalid', `Endpoint "${declared.name}" is declared twice`)
    seen.add(declared.name)
    const steps = planEndpoint(deps, declaration.project, declared)
    for (const step of steps) {
      if (!declaration.dryRun) await step.run()
      changes.push({ kind: step.kind, subject: step.subject, detail: step.detail })
    }
  }
  if (!declaration.prune) return changes
  for (const endpoint of deps.fleet.list(declaration.project)) {
    const { name } = endpoint.stored
    if (seen.has(name)) continue
    if (!declaration.dryRun) {
      await deps.requireFree(endpoint)
      await deps.control.remove(declaration.project, name)
    }
    changes.push({ kind: 'delete', subject: `endpoint ${name}`, detail: 'not declared' })
  }
  return changes
}

function planEndpoint(deps: Deps, project: string, declared: DeclaredEndpoint): Step[] {
  const { control } = deps
  const at = { project, name: declared.name }
  const subject = `endpoint ${declared.name}`
  const live = deps.fleet.find(project, declared.name)
  const steps: Step[] = []
  const [first, ...others] = variantsOf(declared)
  if (live === undefined) {
    if (first === undefined)
      throw fail(
        'request.invalid',
        `Endpoint "${declared.name}" needs a model, an llm, a remote, a script, a graph or variants`
      )
    const detail = [first, ...others].map(sourceOf).join(', ')
    const create = () => control.create({ ...at, ...first, ...settingsOf(declared) })
    steps.push({ kind: 'create', subject, detail, run: create })
    for (const variant of others) steps.push(addition(deps, at, variant))
  } else {
    if (!isSameSettings(live.stored, declared))
      steps.push({
        kind: 'update',
        subject,
        detail: 'settings',
        run: () => control.configure(at, declared),
      })
    // A model declared by reference alone is how an endpoint begins; where it goes from there is a rollout's business.
    for (const variant of declared.variants ?? [])
      if (!live.variants.has(variant.variant)) steps.push(addition(deps, at, variant))
  }
  const traffic = trafficOf(declared, live)
  if (traffic !== null && !isSet(live, traffic))
    steps.push({
      kind: 'update',
      subject: `traffic ${declared.name}`,
      detail: traffic.weights.map((w) => `${w.variant} ${w.basisPoints / 100} %`).join(', '),
      run: async () => {
        const now = deps.fleet.find(project, declared.name)
        if (now === undefined) return
        await deps.requireFree(now)
        const salt = declared.traffic?.salt ?? now.stored.traffic.salt
        await control.setTraffic(at, { ...traffic, salt })
      },
    })
  if (steps.length === 0)
    steps.push({ kind: 'unchanged', subject, detail: '', run: async () => {} })
  return steps
}

const variantsOf = (declared: DeclaredEndpoint): readonly NewVariant[] => {
  const { variants, model, llm } = declared
  if (variants !== undefined) return variants
  const outside = outsideOf(declared)
  if (model === undefined && llm === undefined && outside === null) return []
  return [{ model, llm, ...outsideFields(outside), ...optionsOf(declared) }]
}

function sourceOf(variant: NewVariant): string {
  const { model, llm } = variant
  if (model !== undefined) return model
  const outside = outsideOf(variant)
  if (outside !== null) return outside.kind === 'remote' ? outside.remote.url : outsideName(outside)
  return llm?.backends.map((backend) => `${backend.provider}:${backend.model}`).join(', ') ?? ''
}

const addition = (
  { control }: Deps,
  at: { project: string; name: string },
  variant: NewVariant
): Step => ({
  kind: 'create',
  subject: `variant ${at.name}/${variant.variant ?? sourceOf(variant)}`,
  detail: sourceOf(variant),
  run: async () => void (await control.addVariant(at, variant)),
})

function trafficOf(declared: DeclaredEndpoint, live: LiveEndpoint | undefined): Traffic | null {
  if (declared.traffic === undefined) return null
  const { salt, weights, shadows } = declared.traffic
  return { salt: salt ?? live?.stored.traffic.salt ?? '', weights, shadows }
}

function isSet(live: LiveEndpoint | undefined, traffic: Traffic): boolean {
  if (live === undefined) return false
  const text = ({ salt, weights, shadows }: Traffic): string =>
    JSON.stringify([
      salt,
      weights
        .filter((w) => w.basisPoints > 0)
        .map((w) => [w.variant, w.basisPoints])
        .toSorted(),
      shadows
        .filter((s) => s.share > 0)
        .map((s) => [s.variant, s.share])
        .toSorted(),
    ])
  return text(live.stored.traffic) === text(traffic)
}
