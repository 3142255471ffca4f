import { InvalidArgumentError, type Command } from 'commander'
import { contextOf } from '../context.ts'
import { collectNumber } from '../parse/key-value.ts'
import { withProgress } from '../progress.ts'
import { showEndpoint } from './endpoint-view.ts'
import { addSourceOptions, sourceName, sourceOf, type SourceOptions } from './source-options.ts'

type Shares = Readonly<Record<string, number>>

/** `trestle endpoints variants …` and `trestle endpoints traffic` */
export function addTrafficCommands(endpoints: Command): void {
  const variants = endpoints.command('variants').description('the model versions of an endpoint')

  addSourceOptions(
    variants
      .command('add')
      .description(
        'add a model version, an LLM, a remote model, a script or a graph, without traffic; it is loaded and warm when this ends'
      )
      .argument('<endpoint>')
  )
    .option('--variant <name>', 'its name; by default v and the version')
    .addHelpText('after', '\nExample:\n  trestle endpoints variants add fraud --model fraud/3')
    .action(
      async (endpoint: string, options: SourceOptions & { variant?: string }, command: Command) => {
        const { client, out } = contextOf(command)
        const { variant } = options
        const source = sourceOf(options, command)
        const added = await withProgress(`Loading ${sourceName(source)}`, () =>
          client.serving.addVariant({
            endpoint,
            ...source,
            ...(variant === undefined ? {} : { variant }),
          })
        )
        if (!out.json(added))
          out.say(
            `${added.name} is ${added.state}, without traffic: ${nextTraffic(endpoint, added.name)}`
          )
      }
    )

  variants
    .command('remove')
    .description('remove a variant that has no traffic')
    .argument('<endpoint>')
    .argument('<variant>')
    .addHelpText('after', '\nExample:\n  trestle endpoints variants remove fraud v1')
    .action(async (endpoint: string, variant: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      await client.serving.removeVariant({ endpoint, variant })
      if (!out.json({ endpoint, variant })) out.say(`Removed: ${variant} of ${endpoint}.`)
    })

  endpoints
    .command('traffic')
    .description(
      'set which variant gets which percentage; at once, and refused while a rollout runs'
    )
    .argument('<endpoint>')
    .argument('<variant=percent...>', 'together 100', collectShares)
    .option('--shadow <variant=share>', 'copy this share (0 to 1) to a variant', collectNumber)
    .addHelpText(
      'after',
      '\nExample:\n  trestle endpoints traffic fraud v1=90 v2=10 --shadow v3=0.5'
    )
    .action(
      async (endpoint: string, shares: Shares, options: { shadow?: Shares }, command: Command) => {
        const { client, out } = contextOf(command)
        const total = Object.values(shares).reduce((sum, percent) => sum + percent, 0)
        if (Math.abs(total - 100) > 1e-9)
          command.error(`error: the percentages add up to ${total}, not to 100`)
        const weights = Object.entries(shares).map(([variant, percent]) => ({
          variant,
          basisPoints: Math.round(percent * 100),
        }))
        const shadows = Object.entries(options.shadow ?? {}).map(([variant, share]) => ({
          variant,
          share,
        }))
        showEndpoint(out, await client.serving.setTraffic({ endpoint, weights, shadows }))
      }
    )
}

function collectShares(text: string, before: Shares | undefined): Shares {
  const shares = collectNumber(text, before)
  const percent = Object.values(shares).at(-1) ?? 0
  if (percent < 0 || percent > 100 || !Number.isInteger(Math.round(percent * 1e6) / 1e4))
    throw new InvalidArgumentError('a percentage from 0 to 100, in steps of 0.01')
  return shares
}

const nextTraffic = (endpoint: string, variant: string): string =>
  `trestle endpoints traffic ${endpoint} … ${variant}=10, or trestle rollouts start ${endpoint} --model …`
