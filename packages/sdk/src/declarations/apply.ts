import type { TrestleClient } from '../client.ts'
import type { Declarations } from './collect.ts'

/** One difference between what is declared and what is there. */
export type Change = Readonly<{
  kind: 'create' | 'update' | 'delete' | 'unchanged'
  subject: string
  detail: string
  /** What readers of the version before would notice. */
  breaking?: readonly string[]
  /** What its author may want to know before it is applied. */
  advice?: readonly string[]
}>

/**
 * Brings the server to what is declared, in the order in which things need each other: features, endpoints, monitors, rollouts, prices and budgets. With
 * `dryRun` only says what would change. Applying twice changes nothing the second time. With `prune`, all of these that are not declared are deleted,
 * but for features: they are never deleted, since models may be trained on them.
 */
export async function applyDeclarations(
  client: TrestleClient,
  declared: Declarations,
  options: { dryRun?: boolean; prune?: boolean } = {}
): Promise<{ changes: Change[] }> {
  const mode = { dryRun: options.dryRun ?? false, prune: options.prune ?? false }
  const { features, endpoints, monitors, rateCards, budgets } = declared
  const { rollouts, freezeWindows } = declared
  const answers: { changes: readonly Change[] }[] = []
  if (hasFeatures(features))
    answers.push(await client.features.apply({ manifest: features, dryRun: mode.dryRun }))
  if (endpoints.length > 0 || mode.prune)
    answers.push(await client.serving.apply({ endpoints: [...endpoints], ...mode }))
  if (monitors.length > 0 || mode.prune)
    answers.push(await client.monitoring.apply({ monitors: [...monitors], ...mode }))
  if (rollouts.length > 0 || freezeWindows.length > 0 || mode.prune)
    answers.push(
      await client.rollouts.apply({
        policies: [...rollouts],
        freezeWindows: [...freezeWindows],
        ...mode,
      })
    )
  if (rateCards.length > 0 || budgets.length > 0 || mode.prune)
    answers.push(
      await client.costs.apply({ rateCards: [...rateCards], budgets: [...budgets], ...mode })
    )
  return {
    changes: answers.flatMap(({ changes }) =>
      changes.map(({ kind, subject, detail, breaking = [], advice = [] }) => ({
        kind,
        subject,
        detail,
        ...(breaking.length === 0 ? {} : { breaking }),
        ...(advice.length === 0 ? {} : { advice }),
      }))
    ),
  }
}

const hasFeatures = (features: Declarations['features']): boolean =>
  Object.values(features).some((list) => Array.isArray(list) && list.length > 0)
