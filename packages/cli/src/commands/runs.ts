import type { WireRun } from '@trestle/contract'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { showTime } from '../output.ts'
import { parseCount } from '../parse/key-value.ts'

type RunOptions = { experiment?: string; filter: string; limit: number }

/** `trestle runs …` and `trestle experiments …`: to look; writing is for the tracking clients. */
export function addTrackingCommands(program: Command): void {
  program
    .command('experiments')
    .description('experiments of the tracking server')
    .command('list', { isDefault: true })
    .description('list experiments')
    .addHelpText('after', '\nExample:\n  trestle experiments list')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { experiments = [] } = await client.tracking.searchExperiments({ max_results: 1000 })
      out.table(
        experiments,
        [
          ['id', (e) => e.experiment_id],
          ['name', (e) => e.name],
          ['created', (e) => showTime(e.creation_time)],
          ['updated', (e) => showTime(e.last_update_time)],
        ],
        'No experiments.'
      )
    })

  program
    .command('runs')
    .description('runs of the tracking server')
    .command('list', { isDefault: true })
    .description('list runs with their metrics, newest first')
    .option('--experiment <name>', 'of this experiment; all when left out')
    .option('--filter <expression>', "MLflow's search language", '')
    .option('--limit <n>', 'how many', parseCount, 50)
    .addHelpText('after', `\nExample:\n  trestle runs list --filter "metrics.auc > 0.9"`)
    .action(async ({ experiment, filter, limit }: RunOptions, command: Command) => {
      const { client, out } = contextOf(command)
      const ids =
        experiment === undefined
          ? (
              (await client.tracking.searchExperiments({ max_results: 1000 })).experiments ?? []
            ).map((e) => e.experiment_id)
          : [
              (await client.tracking.getExperimentByName({ experiment_name: experiment }))
                .experiment.experiment_id,
            ]
      const { runs = [] } = await client.tracking.searchRuns({
        experiment_ids: ids,
        filter,
        max_results: limit,
        order_by: ['attributes.start_time DESC'],
      })
      out.table(
        runs,
        [
          ['run', (r) => r.info.run_id],
          ['name', (r) => r.info.run_name],
          ['status', (r) => r.info.status],
          ['started', (r) => showTime(r.info.start_time)],
          ['user', (r) => r.info.user_id],
          ['metrics', metricsOf],
        ],
        'No runs.'
      )
    })
}

const metricsOf = (run: WireRun): string =>
  (run.data.metrics ?? []).map((m) => `${m.key}=${m.value}`).join(' ')
