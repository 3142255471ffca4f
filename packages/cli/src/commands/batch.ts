import type { BatchJob } from '@trestle/contract'
import type { TrestleClient } from '@trestle/sdk'
import type { Command } from 'commander'
import { contextOf, type Context } from '../context.ts'
import { firstItems } from '../every-page.ts'
import { showTime } from '../output.ts'
import { collectPair, parseCount, parseList, type Pairs } from '../parse/key-value.ts'

type Act = (client: TrestleClient['batch'], input: { id: string }) => Promise<BatchJob>

const ACTIONS: readonly (readonly [name: string, description: string, act: Act])[] = [
  ['pause', 'stand still; shards that are done stay done', (c, i) => c.pauseJob(i)],
  ['resume', 'go on after a pause, or try a failed job again', (c, i) => c.resumeJob(i)],
  ['cancel', 'end a job; nothing is published', (c, i) => c.cancelJob(i)],
]

type RunOptions = {
  model?: string
  endpoint?: string
  variant?: string
  input?: string
  query?: string
  table?: string
  output: string
  format: 'parquet' | 'csv' | 'ndjson' | 'arrow'
  column: Pairs
  inputColumns?: readonly string[]
  keep?: string[]
  features?: string
  eventTime?: string
  maxFailed?: number
  key?: string
  log: boolean
  detach: boolean
}

const LOOK_EVERY_MS = 500

/** `trestle batch …` */
export function addBatchCommands(program: Command): void {
  const batch = program
    .command('batch')
    .description('batch scoring: a table in, the same table with predictions out')

  batch
    .command('run')
    .description('score a table; follows the job until it ends')
    .option('--model <version>', 'a model version: fraud/3, fraud@champion')
    .option('--endpoint <name>', 'what this endpoint serves')
    .option('--variant <name>', 'this variant of the endpoint')
    .option(
      '--input <path>',
      'a Parquet, CSV, NDJSON or Arrow file that the server reads, an s3:// address, or a pattern'
    )
    .option('--query <sql>', 'a DuckDB query in place of a file')
    .option(
      '--table <connection:table>',
      'a PostgreSQL table in place of a file: warehouse:public.payments'
    )
    .requiredOption('--output <folder>', 'a new folder that the server writes')
    .option('--format <format>', 'parquet, csv, ndjson or arrow', 'parquet')
    .option('--column <model=input>', 'which column feeds an input of the model', collectPair, {})
    .option(
      '--input-columns <names>',
      'the columns of a model without a signature: a,b,c',
      parseList
    )
    .option('--keep <column...>', 'columns of the input to write beside the predictions; all')
    .option('--features <service>', 'fill columns that the input lacks from this feature service')
    .option('--event-time <column>', "join features as known at each row's instant")
    .option('--max-failed <rows>', 'more rows that fail stop the job', parseCount)
    .option('--idempotency-key <key>', 'asking again with this key gives the same job')
    .option('--log', 'write inputs and outputs into the inference log', false)
    .option('--detach', 'begin the job and return', false)
    .addHelpText(
      'after',
      "\nExample:\n  trestle batch run --model fraud@champion --input 'data/*.parquet' --output scored/"
    )
    .action(async (options: RunOptions & { idempotencyKey?: string }, command: Command) => {
      const context = contextOf(command)
      const job = await context.client.batch.createJob(toJob(options))
      if (options.detach) show(context, job)
      else process.exitCode = await follow(context, job.id)
    })

  batch
    .command('list', { isDefault: true })
    .description('list batch jobs, newest first')
    .option('--limit <n>', 'how many', parseCount, 20)
    .addHelpText('after', '\nExample:\n  trestle batch list')
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { client, out } = contextOf(command)
      out.table(
        await firstItems((page) => client.batch.listJobs(page), limit),
        [
          ['id', (j) => j.id],
          ['model', (j) => modelOf(j)],
          ['state', (j) => j.state],
          ['rows', (j) => progressOf(j)],
          ['failed', (j) => j.rows.failed],
          ['output', (j) => j.spec.output.path],
          ['started', (j) => showTime(j.createdAt)],
        ],
        "No batch jobs. Start one: trestle batch run --model fraud/3 --input 'data/*.parquet' --output scored/"
      )
    })

  batch
    .command('show')
    .description('show a batch job with its progress')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  trestle batch show bj_01K…')
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = contextOf(command)
      show(context, await context.client.batch.getJob({ id }))
    })

  for (const [name, description, act] of ACTIONS)
    batch
      .command(name)
      .description(description)
      .argument('<id>')
      .addHelpText('after', `\nExample:\n  trestle batch ${name} bj_01K…`)
      .action(async (id: string, _options: unknown, command: Command) => {
        const { client, out } = contextOf(command)
        const job = await act(client.batch, { id })
        if (!out.json(job)) out.say(`${job.id} is ${job.state}.`)
      })
}

function toJob(o: RunOptions & { idempotencyKey?: string }) {
  return {
    ...(o.model === undefined ? {} : { model: o.model }),
    ...(o.endpoint === undefined ? {} : { endpoint: o.endpoint }),
    ...(o.variant === undefined ? {} : { variant: o.variant }),
    input: toInput(o),
    output: { path: o.output, format: o.format },
    columns: { ...o.column },
    ...(o.inputColumns === undefined ? {} : { inputColumns: [...o.inputColumns] }),
    ...(o.keep === undefined ? {} : { passThrough: o.keep }),
    ...(o.features === undefined
      ? {}
      : {
          features: {
            service: o.features,
            ...(o.eventTime === undefined ? {} : { eventTime: o.eventTime }),
          },
        }),
    ...(o.maxFailed === undefined ? {} : { maxFailedRows: o.maxFailed }),
    ...(o.idempotencyKey === undefined ? {} : { idempotencyKey: o.idempotencyKey }),
    isLogged: o.log,
  }
}

function toInput({ input, query, table }: RunOptions): BatchJob['spec']['input'] {
  if (query !== undefined) return { query }
  if (table === undefined) return { path: input ?? '' }
  const [connection = '', ...name] = table.split(':')
  return { connection, table: name.join(':') }
}

const modelOf = (job: BatchJob): string | null =>
  job.model === null
    ? (job.spec.model ?? job.spec.endpoint ?? null)
    : `${job.model.name}/${job.model.version}`

const progressOf = ({ rows }: BatchJob): string =>
  rows.total === null ? '' : `${rows.done} of ${rows.total}`

function inputOf(input: BatchJob['spec']['input']): string {
  if ('path' in input) return input.path
  return 'query' in input ? input.query : `${input.connection}:${input.table}`
}

function show({ out }: Context, job: BatchJob): void {
  out.record(job, [
    ['id', job.id],
    ['state', job.state],
    ['model', modelOf(job)],
    ['input', inputOf(job.spec.input)],
    ['output', job.spec.output.path],
    ['rows', progressOf(job)],
    ['failed rows', job.rows.failed],
    ['rows/s', job.rowsPerSecond === null ? null : Math.round(job.rowsPerSecond)],
    ['seconds left', job.secondsLeft === null ? null : Math.ceil(job.secondsLeft)],
    ['error', job.error],
    ['started', showTime(job.startedAt)],
    ['ended', showTime(job.endedAt)],
  ])
}

/** Tells of a job's progress until it ends; exit code 0 when it is done. */
async function follow(context: Context, id: string): Promise<number> {
  const { client, out } = context
  let said = ''
  for (;;) {
    const job = await client.batch.getJob({ id })
    if (['done', 'failed', 'cancelled', 'paused'].includes(job.state)) {
      show(context, job)
      return job.state === 'done' ? 0 : 1
    }
    const rate = job.rowsPerSecond === null ? '' : `, ${Math.round(job.rowsPerSecond)} rows/s`
    const line = `${job.id} ${job.state} ${progressOf(job)}${rate}`.trim()
    if (line !== said) out.say(line)
    said = line
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
