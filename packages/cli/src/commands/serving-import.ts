import type { Command } from 'commander'
import { contextOf, LONG_CALL_MS } from '../context.ts'
import { withProgress } from '../progress.ts'
import { sourceText, type ServingPlan } from '../serving-import/plan.ts'

type Options = { remote?: string; storage?: string; dryRun?: boolean }

/** `trestle import triton`, `mlserver` and `kserve` */
export function addServingImports(imports: Command): void {
  const add = (
    own: { name: string; argument: string; what: string; description: string; example: string },
    plan: (path: string, options: Options) => Promise<ServingPlan>
  ): Command =>
    imports
      .command(own.name)
      .description(own.description)
      .argument(own.argument, own.what)
      .option(
        '--remote <url>',
        'where that server is: models that do not run here stay on it, behind endpoints'
      )
      .option('--dry-run', 'say what would be made, and make nothing')
      .addHelpText('after', `\nExample:\n  ${own.example}`)
      .action(async (path: string, options: Options, command: Command) => {
        const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
        const made = await plan(path, options)
        if (options.dryRun === true) {
          if (out.json(made)) return
          const rows = made.endpoints.flatMap(({ name, variants }) =>
            variants.map((variant) => ({ name, ...variant }))
          )
          out.table(
            rows,
            [
              ['ENDPOINT', ({ name }) => name],
              ['VARIANT', ({ variant }) => variant],
              ['FROM', ({ source }) => sourceText(source)],
              ['ROWS A RUN', ({ batching }) => String(batching?.maxRows ?? '')],
            ],
            'Nothing to make.'
          )
          for (const note of made.notes) out.say(note)
          return
        }
        const { carryOut } = await import('../serving-import/carry-out.ts')
        const done = await withProgress('Making endpoints', async (progress) =>
          carryOut(client, made.endpoints, (text) => progress.update(text))
        )
        if (out.json({ ...done, notes: made.notes })) return
        for (const name of done.made) out.say(`Made: ${name}.`)
        for (const name of done.there) out.say(`There already, left as it is: ${name}.`)
        for (const note of made.notes) out.say(note)
      })

  add(
    {
      name: 'triton',
      argument: '<folder>',
      what: 'a model repository: folders with config.pbtxt and versions',
      description: 'the models of a Triton repository, with their batching, as endpoints',
      example: 'trestle import triton ./model_repository --remote grpc://triton:8001 --dry-run',
    },
    async (folder, { remote }) =>
      (await import('../serving-import/triton.ts')).planTriton(folder, remote ?? null)
  )
  add(
    {
      name: 'mlserver',
      argument: '<folder>',
      what: 'a model repository: folders with model-settings.json',
      description: 'the models of an MLServer repository as endpoints',
      example: 'trestle import mlserver ./models --remote grpc://mlserver:8081',
    },
    async (folder, { remote }) =>
      (await import('../serving-import/mlserver.ts')).planMlserver(folder, remote ?? null)
  )
  add(
    {
      name: 'kserve',
      argument: '<file>',
      what: 'YAML with InferenceServices',
      description: 'InferenceServices of KServe as endpoints',
      example: 'trestle import kserve isvc.yaml --storage /mnt/models',
    },
    async (file, { remote, storage = '/' }) =>
      (await import('../serving-import/kserve.ts')).planKserve(file, {
        storageRoot: storage,
        remoteUrl: remote ?? null,
      })
  ).option('--storage <folder>', 'where file:// and pvc:// storage of the cluster is mounted here')
}
