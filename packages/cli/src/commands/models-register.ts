import { openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { contextOf, LONG_CALL_MS } from '../context.ts'
import { collectNumber, collectPair, parseList, type Pairs } from '../parse/key-value.ts'
import { withProgress } from '../progress.ts'
import { showVersion } from './model-version-view.ts'

type RegisterOptions = {
  metric?: Readonly<Record<string, number>>
  tag?: Pairs
  description?: string
  runId?: string
  featureService?: string
  columns?: readonly string[]
  outputs?: readonly string[]
}

/** `trestle models register` */
export function addRegisterCommand(models: Command): void {
  models
    .command('register')
    .description(
      'register an ONNX file as the next version of a model; the model is made if need be'
    )
    .argument('<name>', 'the model')
    .argument('<file>', 'an .onnx file; it is streamed')
    .option('--metric <name=value>', 'a metric of the run; again for more', collectNumber)
    .option('--tag <name=value>', 'a tag of the version; again for more', collectPair)
    .option('--description <text>', 'what is new about it')
    .option('--run-id <id>', 'the run that made it; without one, a run is made')
    .option('--feature-service <name>', 'the feature service that feeds it')
    .option('--columns <a,b,c>', 'input columns in order; name:type where not double', parseList)
    .option('--outputs <x,y>', 'outputs in order; name:type where not double', parseList)
    .addHelpText(
      'after',
      `
Types are MLflow's: double, float, long, integer, string, boolean. --columns and --outputs go together.

Example:
  trestle models register fraud v3.onnx --metric auc=0.94 --columns amount,hour,channel --outputs label:long,score`
    )
    .action(async (name: string, file: string, options: RegisterOptions, command: Command) => {
      const { columns, outputs, metric, tag, ...plain } = options
      if ((columns === undefined) !== (outputs === undefined))
        command.error('error: --columns and --outputs go together: they are the signature')
      const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
      if (!(await isFile(file))) throw new Error(`There is no file ${file}.`)
      const { size } = await stat(file)
      const version = await withProgress(`Registering ${name}: ${size} bytes`, async () =>
        client.uploadModel(name, await openAsBlob(file), {
          ...plain,
          ...(metric === undefined ? {} : { metrics: metric }),
          ...(tag === undefined ? {} : { tags: tag }),
          ...(columns === undefined || outputs === undefined
            ? {}
            : { signature: { inputs: columns.map(columnOf), outputs: outputs.map(columnOf) } }),
        })
      )
      showVersion(out, version)
      out.say(`\nServe it: trestle endpoints create ${name} --model ${name}/${version.version}`)
    })
}

function columnOf(text: string): { name: string; type: string } {
  const [name = text, type = 'double'] = text.split(':')
  return { name, type }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false
  )
}
