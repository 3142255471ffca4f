import { sourceName, type FeatureView } from '@trestle/contract'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { showTime, type Output } from '../output.ts'
import { showDuration } from '../parse/duration.ts'
import { collectPair, rowOf, type Pairs } from '../parse/key-value.ts'
import { addConsistencyCommand } from './features-consistency.ts'
import { addTrainingCommands } from './features-training.ts'
import { addFeatureWriteCommands } from './features-write.ts'

/** `trestle features …` */
export function addFeatureCommands(program: Command): void {
  const features = program
    .command('features')
    .description('the feature store: views, services and the newest values')

  features
    .command('list', { isDefault: true })
    .description('list feature views with row counts and freshness')
    .addHelpText('after', '\nExample:\n  trestle features list')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const views = await client.features.listViews()
      if (out.json(views)) return
      out.table(
        views.items,
        [
          ['view', (v) => v.name],
          ['version', (v) => v.version],
          ['entities', (v) => v.entities.join(' ')],
          ['features', (v) => v.features.length],
          ['offline rows', (v) => v.offlineRows],
          ['online', (v) => (v.online ? v.onlineRows : 'no')],
          ['newest event', (v) => showTime(v.newestEventAt)],
          ['materialized', (v) => showTime(v.lastMaterializedAt)],
        ],
        'No feature views. Declare them in a file and run: trestle apply trestle.config.ts'
      )
      if (views.onDemand.length > 0)
        out.say(`On demand: ${views.onDemand.map((v) => v.name).join(', ')}`)
    })

  features
    .command('show')
    .description('show a feature view, its features, its versions and who reads it')
    .argument('<view>')
    .addHelpText('after', '\nExample:\n  trestle features show customer_stats')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      showView(out, await client.features.getView({ name }))
    })

  features
    .command('services')
    .description('list feature services: the keys they ask for and what they answer')
    .addHelpText('after', '\nExample:\n  trestle features services')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.features.listServices()
      out.table(
        items,
        [
          ['service', (s) => s.name],
          ['version', (s) => s.version],
          ['keys', (s) => s.keys.map((k) => k.key).join(' ')],
          ['features', (s) => s.names.map((n) => n.name).join(' ')],
          ['updated', (s) => showTime(s.updatedAt)],
        ],
        'No feature services. Declare them in a file and run: trestle apply trestle.config.ts'
      )
    })

  features
    .command('search')
    .description('search entities, views, features and services by name, description, owner or tag')
    .argument('<words...>')
    .addHelpText('after', '\nExample:\n  trestle features search fraud rate')
    .action(async (words: string[], _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.features.search({ q: words.join(' ') })
      out.table(
        items,
        [
          ['kind', (i) => i.kind],
          ['name', (i) => i.name],
          ['view', (i) => i.view],
          ['type', (i) => i.type],
          ['owner', (i) => i.owner],
          ['description', (i) => i.description],
        ],
        'Nothing matches.'
      )
    })

  addTrainingCommands(features)
  addFeatureWriteCommands(features)
  addConsistencyCommand(features)

  features
    .command('get')
    .description('the newest values of a feature service for one entity row')
    .argument('<key=value...>', 'the entity keys', collectPair)
    .requiredOption('--service <name>', 'the feature service')
    .addHelpText('after', '\nExample:\n  trestle features get --service fraud customer_id=c7')
    .action(async (keys: Pairs, { service }: { service: string }, command: Command) => {
      const { client, out } = contextOf(command)
      const answer = await client.features.online({ service, rows: [rowOf(keys)] })
      if (out.json(answer)) return
      out.table(
        answer.names.map((name, i) => ({
          name,
          value: answer.values[0]?.[i] ?? null,
          status: answer.statuses[0]?.[i],
          at: answer.eventTimes[0]?.[i] ?? null,
        })),
        [
          ['feature', (f) => f.name],
          ['value', (f) => f.value],
          ['status', (f) => f.status],
          ['event time', (f) => showTime(f.at)],
        ],
        'The service has no features.'
      )
    })
}

function refreshText({ refreshState: state }: FeatureView): string | null {
  if (state === null) return null
  const next = state.nextAt === null ? '' : `next ${showTime(state.nextAt)}`
  if (state.lastStartedAt === null) return next
  if (state.lastEndedAt === null) return `under way since ${showTime(state.lastStartedAt)}`
  return `${showTime(state.lastEndedAt)}${state.error === null ? '' : `, failed: ${state.error}`}; ${next}`
}

function topicText({ streamState: state }: FeatureView): string | null {
  if (state === null) return null
  const rejected =
    state.rejected === 0
      ? ''
      : `; ${state.rejected} records did not fit: ${state.lastRejected ?? ''}`
  return `${state.error ?? state.state}${rejected}`
}

function showView(out: Output, view: FeatureView & { services: readonly string[] }): void {
  if (out.json(view)) return
  out.record(view, [
    ['view', `${view.name} (version ${view.version})`],
    ['description', view.description],
    ['owner', view.owner],
    ...(view.deprecated === null ? [] : [['deprecated', view.deprecated] as [string, string]]),
    ['keys', view.keys.map((k) => `${k.name}:${k.type}`).join(' ')],
    ['ttl', view.ttlMs === null ? 'for ever' : showDuration(view.ttlMs)],
    ['source', sourceName(view)],
    ['rows', `${view.offlineRows} offline, ${view.onlineRows} online`],
    ['refreshed', refreshText(view)],
    ['topic', topicText(view)],
    ['newest event', showTime(view.newestEventAt)],
    ['materialized', showTime(view.lastMaterializedAt)],
    ['services', view.services.join(' ')],
  ])
  out.say('')
  out.table(
    view.features,
    [
      ['feature', (f) => f.name],
      ['type', (f) => f.type],
      ['description', (f) => f.description],
    ],
    'No features.'
  )
  for (const { version, breaking } of view.versions)
    if (breaking.length > 0) out.say(`version ${version}: ${breaking.join('; ')}`)
}
