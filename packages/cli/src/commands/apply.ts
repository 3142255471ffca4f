import { styleText } from 'node:util'
import { applyDeclarations, type Change } from '@trestle/sdk'
import type { Command } from 'commander'
import { requireConsent } from '../confirm.ts'
import { contextOf, LONG_CALL_MS } from '../context.ts'
import { readDeclarations } from '../declarations-file.ts'
import { withProgress } from '../progress.ts'

type ApplyOptions = { dryRun?: boolean; prune?: boolean; yes?: boolean }

const MARKS = { create: ['+', 'green'], update: ['~', 'yellow'], delete: ['-', 'red'] } as const

/** `trestle apply` */
export function addApplyCommand(program: Command): void {
  program
    .command('apply')
    .description('bring the server to what a file declares; shows the difference first')
    .argument('<file>', 'a .ts or .js module, or .yaml or .json')
    .option('--dry-run', 'only show what would change')
    .option('--prune', 'delete all that is not declared, but for features')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      `
A module exports what defineEndpoint, defineRollout, defineFeatureView … of @trestle/sdk return, lists of them too.
YAML and JSON have the keys features {entities, views, onDemandViews, services}, endpoints, monitors,
rollouts, freezeWindows, rateCards, budgets.

Example:
  trestle apply trestle.config.ts --dry-run`
    )
    .action(async (file: string, options: ApplyOptions, command: Command) => {
      const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
      const prune = options.prune ?? false
      const declared = await readDeclarations(file)
      const plan = await withProgress('Comparing', () =>
        applyDeclarations(client, declared, { dryRun: true, prune })
      )
      const count = plan.changes.filter((change) => change.kind !== 'unchanged').length
      out.say(showDifference(plan.changes))
      if (count === 0 || options.dryRun === true) {
        out.json({ ...plan, isApplied: false })
        return
      }
      await requireConsent(`Apply ${countOf(count)}?`, options.yes ?? false)
      const { changes } = await withProgress(`Applying ${countOf(count)}`, () =>
        applyDeclarations(client, declared, { prune })
      )
      if (!out.json({ changes, isApplied: true })) out.say(`Applied: ${countOf(count)}.`)
    })
}

/** A line per change, and how many things stay as they are. */
function showDifference(changes: readonly Change[]): string {
  const lines = changes.flatMap(({ kind, subject, detail, breaking = [], advice = [] }) => {
    const notes = [
      ...breaking.map((what) => `    breaking: ${what}`),
      ...advice.map((what) => `    note: ${what}`),
    ]
    if (kind === 'unchanged') return notes.length === 0 ? [] : [`  ${subject}`, ...notes]
    const [mark, colour] = MARKS[kind]
    const text = `${mark} ${subject}${detail === '' ? '' : `  ${detail}`}`
    return [styleText(colour, text, { stream: process.stdout }), ...notes]
  })
  const unchanged = `${changes.length - lines.length} unchanged`
  return lines.length === 0
    ? `Nothing to change (${unchanged}).`
    : [...lines, `${countOf(lines.length)}, ${unchanged}`].join('\n')
}

const countOf = (count: number): string => (count === 1 ? '1 change' : `${count} changes`)
