import type { Approval, GuardRule } from '@trestle/contract'
import { InvalidArgumentError, type Command } from 'commander'
import { contextOf } from '../context.ts'
import { showTime, type Output } from '../output.ts'
import { parseVersion } from '../parse/model-version.ts'

type Place = { kind: 'alias' | 'stage'; target: string }
type Metric = GuardRule['metrics'][number]

/** `trestle models guard | guards | request | approvals | approve | reject | held` */
export function addApprovalCommands(models: Command): void {
  models
    .command('guard')
    .description('protect an alias or a stage: versions take it by approval alone')
    .argument('<name>', 'the model')
    .argument('<place>', 'alias:champion or stage:Production', parsePlace)
    .option('--approvals <n>', 'how many reviewers must approve', parseNatural, 1)
    .option('--reviewer <name...>', 'who may review; every operator when left out')
    .option(
      '--metric <rule...>',
      'auc>=0.9: a bound; auc>=champion-0.01: worse than the champion by at most 0.01; loss<=champion+0',
      parseMetrics
    )
    .option('--signature', 'callers of the champion must be able to call the new version')
    .option('--drift-report', 'its tag trestle.drift_report must name a report')
    .option('--off', 'lift the guard')
    .addHelpText(
      'after',
      '\nExample:\n  trestle models guard fraud alias:champion --approvals 2 --metric "auc>=champion-0.01" --signature'
    )
    .action(async (name: string, place: Place, options: GuardOptions, command: Command) => {
      const { client, out } = contextOf(command)
      const where = `${name} ${place.kind} ${place.target}`
      if (options.off === true) {
        await client.governance.deleteGuard({ name, ...place })
        if (!out.json({ name, ...place, rule: null })) out.say(`${where} is free again.`)
        return
      }
      const guard = await client.governance.setGuard({
        name,
        ...place,
        approvals: options.approvals,
        reviewers: options.reviewer ?? [],
        metrics: options.metric ?? [],
        signatureCompatible: options.signature ?? false,
        driftReport: options.driftReport ?? false,
      })
      if (!out.json(guard)) out.say(`${where} is protected.`)
    })

  models
    .command('request')
    .description('ask that a version may take a protected alias or stage')
    .argument('<version>', 'e.g. fraud/3', parseVersion)
    .argument('<place>', 'alias:champion or stage:Production', parsePlace)
    .option('-m, --comment <text>', 'why', '')
    .addHelpText(
      'after',
      '\nExample:\n  trestle models request fraud/3 alias:champion -m "more recall"'
    )
    .action(
      async (
        of: { name: string; version: number },
        place: Place,
        options: { comment: string },
        command: Command
      ) => {
        const { client, out } = contextOf(command)
        const given = { ...of, ...place, comment: options.comment }
        showApproval(out, await client.governance.requestApproval(given))
      }
    )

  for (const [verb, verdict] of [
    ['approve', 'approved'],
    ['reject', 'rejected'],
  ] as const)
    models
      .command(verb)
      .description(`${verb} a request`)
      .argument('<name>', 'the model')
      .argument('<request>', 'its id, as "trestle models approvals" shows it')
      .option('-m, --comment <text>', 'why', '')
      .addHelpText('after', `\nExample:\n  trestle models ${verb} fraud apr_01j…`)
      .action(async (name: string, id: string, options: { comment: string }, command: Command) => {
        const { client, out } = contextOf(command)
        const review = { name, id, verdict, comment: options.comment }
        showApproval(out, await client.governance.reviewApproval(review))
      })

  models
    .command('approvals')
    .description('requests for approval of a model, newest first')
    .argument('<name>', 'the model')
    .addHelpText('after', '\nExample:\n  trestle models approvals fraud')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.governance.listApprovals({ name, limit: 200 })
      out.table(
        items,
        [
          ['id', (a) => a.id],
          ['version', (a) => a.version],
          ['place', (a) => `${a.kind}:${a.target}`],
          ['state', (a) => a.state],
          ['asked by', (a) => a.requestedBy],
          ['asked', (a) => showTime(a.requestedAt)],
          ['missing', (a) => a.missing.join('; ')],
        ],
        'No requests.'
      )
    })

  models
    .command('held')
    .description('which versions had which alias and stage on a day')
    .argument('<name>', 'the model')
    .option('--at <time>', 'an ISO 8601 time; now when left out', parseTime)
    .addHelpText('after', '\nExample:\n  trestle models held fraud --at 2026-11-01T12:00:00Z')
    .action(async (name: string, options: { at?: number }, command: Command) => {
      const { client, out } = contextOf(command)
      const at = options.at === undefined ? {} : { at: options.at }
      const held = await client.governance.getHolders({ name, ...at })
      if (out.json(held)) return
      const rows = [
        ...Object.entries(held.aliases).map(([alias, v]) => [`alias:${alias}`, String(v)] as const),
        ...Object.entries(held.stages).map(
          ([stage, v]) => [`stage:${stage}`, v.join(' ')] as const
        ),
      ]
      out.table(
        rows,
        [
          ['place', ([place]) => place],
          ['version', ([, version]) => version],
        ],
        'Nothing was there.'
      )
    })
}

type GuardOptions = {
  approvals: number
  reviewer?: string[]
  metric?: Metric[]
  signature?: boolean
  driftReport?: boolean
  off?: boolean
}

function showApproval(out: Output, approval: Approval): void {
  if (out.json(approval)) return
  out.record(approval, [
    ['request', approval.id],
    ['version', `${approval.model}/${approval.version}`],
    ['place', `${approval.kind}:${approval.target}`],
    ['state', approval.state],
    [
      'checks',
      approval.checks.map((c) => `${c.passed ? '✓' : '✗'} ${c.name}: ${c.detail}`).join('\n'),
    ],
    ['missing', approval.missing.join('; ')],
  ])
}

function parsePlace(text: string): Place {
  const [kind, target = ''] = text.split(/:(.*)/s)
  if ((kind !== 'alias' && kind !== 'stage') || target === '')
    throw new InvalidArgumentError('write alias:champion or stage:Production')
  return { kind, target }
}

function parseNatural(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('a number from 0 to 20')
  return Number(text)
}

const RULE = /^(.+?)(>=|<=)(champion)?([+-]?\d*\.?\d+(?:e[+-]?\d+)?)$/i

function parseMetrics(text: string, before: Metric[] | undefined): Metric[] {
  const [, metric = '', sign, champion, number = ''] = RULE.exec(text.replaceAll(' ', '')) ?? []
  const value = Number(number)
  const higherIsBetter = sign === '>='
  const worsening = higherIsBetter ? -value : value
  if (metric === '' || (champion !== undefined && worsening < 0))
    throw new InvalidArgumentError('write auc>=0.9, auc>=champion-0.01 or loss<=champion+0')
  const rule: Metric =
    champion === undefined
      ? { metric, higherIsBetter, bound: value, worsening: null }
      : { metric, higherIsBetter, bound: null, worsening: Math.abs(worsening) }
  return [...(before ?? []), rule]
}

function parseTime(text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new InvalidArgumentError('an ISO 8601 time, as 2026-11-01T12:00:00Z')
  return at
}
