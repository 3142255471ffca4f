import type { ModelVersionSummary, RegisteredModel } from '@trestle/contract'
import { Option, type Command } from 'commander'
import { requireConsent } from '../confirm.ts'
import { contextOf } from '../context.ts'
import { firstItems } from '../every-page.ts'
import { showTime, type Column, type Output } from '../output.ts'
import { parseCount } from '../parse/key-value.ts'
import { parseModelOrVersion, parseVersion, type ModelOrVersion } from '../parse/model-version.ts'
import { addCardCommands } from './lineage.ts'
import { showPairs, showVersion } from './model-version-view.ts'
import { addApprovalCommands } from './models-approvals.ts'
import { addRegisterCommand } from './models-register.ts'

const STAGES = ['None', 'Staging', 'Production', 'Archived'] as const

/** `trestle models …` */
export function addModelCommands(program: Command): void {
  const models = program.command('models').description('registered models, versions and aliases')

  models
    .command('list', { isDefault: true })
    .description('list models with their newest version and their aliases')
    .option('--limit <n>', 'how many', parseCount, 1000)
    .addHelpText('after', '\nExample:\n  trestle models list --json')
    .action(async (options: { limit: number }, command: Command) => {
      const { client, out } = contextOf(command)
      const items = await firstItems((q) => client.registry.listModels(q), options.limit)
      out.table(
        items,
        LIST_COLUMNS,
        'No models. Register one: trestle models register fraud model.onnx'
      )
    })

  models
    .command('show')
    .description('show a model and its versions, or one version with its files, columns and run')
    .argument('<model>', 'a model or a version: fraud, fraud/3', parseModelOrVersion)
    .addHelpText('after', '\nExample:\n  trestle models show fraud/3')
    .action(async ({ name, version }: ModelOrVersion, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      if (version === null) showModel(out, await client.registry.getModel({ name }))
      else showVersion(out, await client.registry.getVersion({ name, version }))
    })

  addRegisterCommand(models)
  addCardCommands(models)
  addApprovalCommands(models)

  models
    .command('alias')
    .description('point an alias at a version; endpoints and rollouts can name the alias')
    .argument('<name>', 'the model')
    .argument('<alias>', 'e.g. champion')
    .argument('[version]', 'the number of the version', parseCount)
    .option('--remove', 'take the alias away instead')
    .addHelpText('after', '\nExample:\n  trestle models alias fraud champion 3')
    .action(
      async (
        name: string,
        alias: string,
        version: number | undefined,
        options: { remove?: boolean },
        command: Command
      ) => {
        const { client, out } = contextOf(command)
        if ((version === undefined) !== (options.remove === true))
          command.error('error: give a version, or --remove')
        if (version === undefined) await client.registry.deleteAlias({ name, alias })
        const rollout =
          version === undefined
            ? null
            : (await client.registry.setAlias({ name, alias, version })).rollout
        if (out.json({ name, alias, version: version ?? null, rollout })) return
        if (rollout !== null) out.say(sayDeferred(`${name}@${alias}`, rollout))
        else
          out.say(
            version === undefined
              ? `${name}@${alias} is gone.`
              : `${name}@${alias} is version ${version}.`
          )
      }
    )

  models
    .command('stage')
    .description('move a version to a stage')
    .argument('<version>', 'e.g. fraud/3', parseVersion)
    .argument('<stage>', STAGES.join(', '))
    .option('--archive-existing', 'archive the versions that are in that stage now')
    .addHelpText('after', '\nExample:\n  trestle models stage fraud/3 Production')
    .action(
      async (
        of: { name: string; version: number },
        given: string,
        options: { archiveExisting?: boolean },
        command: Command
      ) => {
        const stage = STAGES.find((one) => one.toLowerCase() === given.toLowerCase())
        if (stage === undefined)
          command.error(`error: "${given}" is no stage; there are ${STAGES.join(', ')}`)
        const { client, out } = contextOf(command)
        const archiveExisting = options.archiveExisting ?? false
        const version = await client.registry.transitionStage({ ...of, stage, archiveExisting })
        if (out.json(version)) return
        out.say(
          version.rollout === null
            ? `${of.name}/${of.version} is in ${version.stage}.`
            : sayDeferred(`${of.name}/${of.version}`, version.rollout)
        )
      }
    )

  models
    .command('history')
    .description('what became of the versions of a model, newest first')
    .argument('<name>')
    .option('--limit <n>', 'how many', parseCount, 50)
    .addHelpText('after', '\nExample:\n  trestle models history fraud')
    .action(async (name: string, options: { limit: number }, command: Command) => {
      const { client, out } = contextOf(command)
      const items = await firstItems(
        (q) => client.registry.listHistory({ name, ...q }),
        options.limit
      )
      out.table(
        items,
        [
          ['time', (e) => showTime(e.at)],
          ['event', (e) => e.kind],
          ['version', (e) => e.version],
          ['to', (e) => e.alias ?? e.stage],
          ['by', (e) => e.by],
        ],
        'Nothing has happened yet.'
      )
    })

  models
    .command('delete')
    .description('delete a model with all its versions, or one version')
    .argument('<model>', 'a model or a version: fraud, fraud/3', parseModelOrVersion)
    .addOption(new Option('-y, --yes', 'do not ask'))
    .addHelpText('after', '\nExample:\n  trestle models delete fraud/1 --yes')
    .action(
      async ({ name, version }: ModelOrVersion, options: { yes?: boolean }, command: Command) => {
        const { client, out } = contextOf(command)
        const what = version === null ? `${name} and all its versions` : `${name}/${version}`
        await requireConsent(`Delete ${what}?`, options.yes ?? false)
        if (version === null) await client.registry.deleteModel({ name })
        else await client.registry.deleteVersion({ name, version })
        if (!out.json({ name, version })) out.say(`Deleted: ${what}.`)
      }
    )
}

const LIST_COLUMNS: readonly Column<RegisteredModel>[] = [
  ['name', (m) => m.name],
  ['newest', (m) => m.versions[0]?.version],
  ['versions', (m) => m.versions.length],
  [
    'aliases',
    (m) =>
      Object.entries(m.aliases)
        .map(([alias, v]) => `${alias}=${v}`)
        .join(' '),
  ],
  ['description', (m) => m.description],
  ['updated', (m) => showTime(m.updatedAt)],
]

const VERSION_COLUMNS: readonly Column<ModelVersionSummary>[] = [
  ['version', (v) => v.version],
  ['status', (v) => v.status],
  ['stage', (v) => v.stage],
  ['aliases', (v) => v.aliases.join(' ')],
  ['flavor', (v) => v.flavor],
  ['description', (v) => v.description],
  ['created', (v) => showTime(v.createdAt)],
  ['by', (v) => v.createdBy],
]

function showModel(out: Output, model: RegisteredModel): void {
  if (out.json(model)) return
  out.record(model, [
    ['name', model.name],
    ['description', model.description],
    ['tags', showPairs(model.tags)],
    ['created', showTime(model.createdAt)],
  ])
  out.say('')
  out.table(model.versions, VERSION_COLUMNS, 'No versions.')
}

const sayDeferred = (what: string, rollout: string): string =>
  `${what} moves when rollout ${rollout} ends well. Follow it: trestle rollouts watch ${rollout}`
