import type { Command } from 'commander'
import { contextOf, LONG_CALL_MS } from '../context.ts'
import type { CountRow } from '../mlflow/counts.ts'
import type { MlflowSource } from '../mlflow/source.ts'
import type { Output } from '../output.ts'
import { addFeastImport } from './feast-import.ts'
import { addServingImports } from './serving-import.ts'
import { withProgress } from '../progress.ts'

type ImportOptions = { from: string; artifacts: string | boolean; token?: string }
type ExportOptions = { to: string; artifacts: boolean; token?: string }

/** `trestle import mlflow` and `trestle export mlflow` */
export function addTransferCommands(program: Command): void {
  const imports = program
    .command('import')
    .description('bring over what another tracking or model server has')
  addServingImports(imports)
  addFeastImport(imports)
  imports
    .command('mlflow')
    .description(
      'experiments, runs, metrics, artifacts, logged models and the registry of an MLflow, under their own ids'
    )
    .requiredOption(
      '--from <url>',
      'sqlite:///mlflow.db, postgresql://user:password@host/mlflow, http://mlflow:5000'
    )
    .option(
      '--artifacts <folder or url>',
      'where artifacts lie that MLflow proxies (mlflow-artifacts:): its folder, or its address'
    )
    .option('--no-artifacts', 'leave artifacts where they are')
    .option('--token <token>', 'a bearer token for --from http (MLFLOW_TRACKING_TOKEN)')
    .addHelpText(
      'after',
      `
Broken off, it can be started again: what came over whole is passed over. At the end both sides are counted; a difference is exit code 1.

Example:
  trestle import mlflow --from sqlite:///mlflow.db --artifacts ./mlartifacts`
    )
    .action(async (options: ImportOptions, command: Command) => {
      const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
      const source = await openSource(options)
      try {
        const { importMlflow } = await import('../mlflow/import-mlflow.ts')
        const counts = await withProgress(`Reading ${source.label}`, async (progress) =>
          importMlflow(source, client, {
            withArtifacts: options.artifacts !== false,
            onProgress: (text) => progress.update(text),
          })
        )
        showCounts(out, counts, ['there', 'here'])
      } finally {
        await source.close()
      }
    })

  program
    .command('export')
    .description('write what is here to another tracking server')
    .command('mlflow')
    .description(
      'experiments, runs, metrics, artifacts, logged models and the registry, to an MLflow'
    )
    .requiredOption('--to <url>', 'http://mlflow:5000')
    .option('--no-artifacts', 'without the artifacts')
    .option('--token <token>', 'a bearer token for --to (MLFLOW_TRACKING_TOKEN)')
    .addHelpText('after', '\nExample:\n  trestle export mlflow --to http://mlflow:5000')
    .action(async (options: ExportOptions, command: Command) => {
      const { client, out } = contextOf(command)
      const [{ exportMlflow }, { createRest }, { openRestSource }] = await Promise.all([
        import('../mlflow/export-mlflow.ts'),
        import('../mlflow/rest.ts'),
        import('../mlflow/rest-source.ts'),
      ])
      const { key, project } = command.optsWithGlobals<{ key?: string; project?: string }>()
      const apiKey = key ?? process.env['TRESTLE_API_KEY']
      const of = project ?? process.env['TRESTLE_PROJECT']
      const source = openRestSource({
        url: client.url,
        headers: {
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          ...(of === undefined ? {} : { 'x-trestle-project': of }),
        },
      })
      const counts = await withProgress('Exporting', async (progress) =>
        exportMlflow(source, createRest({ url: options.to, headers: tokenOf(options.token) }), {
          withArtifacts: options.artifacts,
          onProgress: (text) => progress.update(text),
        })
      )
      showCounts(out, counts, ['here', 'there'])
    })
}

async function openSource(options: ImportOptions): Promise<MlflowSource> {
  const { from } = options
  if (/^https?:/.test(from)) {
    const { openRestSource } = await import('../mlflow/rest-source.ts')
    return openRestSource({ url: from, headers: tokenOf(options.token) })
  }
  if (!/^(sqlite:\/\/\/|postgres(ql)?(\+\w+)?:)/.test(from))
    throw new Error(`"${from}" is neither sqlite:///…, postgresql://… nor http://…`)
  const { openSqlSource } = await import('../mlflow/sql-source.ts')
  const { artifacts } = options
  return openSqlSource(from, { artifacts: typeof artifacts === 'string' ? artifacts : null })
}

function tokenOf(given: string | undefined): Record<string, string> {
  const token = given ?? process.env['MLFLOW_TRACKING_TOKEN']
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/** Both sides, counted; a difference is a failure. */
function showCounts(
  out: Output,
  counts: readonly CountRow[],
  sides: readonly [from: string, to: string]
): void {
  out.table(
    counts,
    [
      ['', (row) => row.what],
      [sides[0], (row) => row.there],
      [sides[1], (row) => row.here],
      ['', (row) => (row.isSame ? 'same' : 'DIFFERENT')],
    ],
    ''
  )
  if (!counts.every((row) => row.isSame)) process.exitCode = 1
}
