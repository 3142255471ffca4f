import type { Endpoint } from '@trestle/contract'
import type { Command } from 'commander'
import { requireConsent } from '../confirm.ts'
import { contextOf } from '../context.ts'
import { showTime } from '../output.ts'
import { parseList } from '../parse/key-value.ts'
import { withProgress } from '../progress.ts'
import { showEndpoint } from './endpoint-view.ts'
import { addPredictCommand } from './endpoints-predict.ts'
import { addTrafficCommands } from './endpoints-traffic.ts'
import { addSourceOptions, sourceName, sourceOf, type SourceOptions } from './source-options.ts'

type CreateOptions = SourceOptions & {
  variant?: string
  featureService?: string
  stickyKey?: string
  logger?: string
  columns?: readonly string[]
}

/** `trestle endpoints …` */
export function addEndpointCommands(program: Command): void {
  const endpoints = program
    .command('endpoints')
    .description('endpoints: the stable names that callers ask for predictions')

  endpoints
    .command('list', { isDefault: true })
    .description('list endpoints with their variants and traffic')
    .addHelpText('after', '\nExample:\n  trestle endpoints list')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.serving.listEndpoints()
      out.table(
        items,
        [
          ['name', (e) => e.name],
          ['traffic', trafficOf],
          ['variants', (e) => e.variants.map((v) => `${v.name} (${v.state})`).join(' ')],
          ['feature service', (e) => e.featureService],
          ['updated', (e) => showTime(e.updatedAt)],
        ],
        'No endpoints. Make one: trestle endpoints create fraud --model fraud@champion'
      )
    })

  endpoints
    .command('show')
    .description('show an endpoint, and what each variant gets')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  trestle endpoints show fraud')
    .action(async (endpoint: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      showEndpoint(out, await client.serving.getEndpoint({ endpoint }))
    })

  addSourceOptions(
    endpoints
      .command('create')
      .description('make an endpoint; it is loaded and warm when this ends')
      .argument('<name>')
  )
    .option('--variant <name>', 'the name of the first variant; by default v and the version')
    .option('--feature-service <name>', 'fills in features by entity')
    .option('--sticky-key <what>', 'what decides the variant: an input, header:<name> or api-key')
    .option('--logger <url>', 'where copies of requests and answers go as CloudEvents')
    .option('--columns <a,b,c>', 'column names, when the model has no signature', parseList)
    .addHelpText(
      'after',
      '\nExample:\n  trestle endpoints create fraud --model fraud@champion\n  trestle endpoints create chat --llm openai:gpt-4o-mini\n  trestle endpoints create chat --llm vllm:llama --backend http://10.0.0.5:8000/v1 --key-env none\n  trestle endpoints create fraud --remote http://triton:8000 --remote-model fraud'
    )
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const { client, out } = contextOf(command)
      const { columns, variant, featureService, stickyKey, logger } = options
      const source = sourceOf(options, command)
      const endpoint = await withProgress(`Loading ${sourceName(source)}`, () =>
        client.serving.createEndpoint({
          name,
          ...source,
          ...(variant === undefined ? {} : { variant }),
          ...(featureService === undefined ? {} : { featureService }),
          ...(stickyKey === undefined ? {} : { stickyKey }),
          ...(logger === undefined ? {} : { logger: { url: logger } }),
          ...(columns === undefined ? {} : { columns: [...columns] }),
        })
      )
      showEndpoint(out, endpoint)
      out.say(
        'llm' in source
          ? `\nTry it: curl ${client.url}/v1/chat/completions -H 'content-type: application/json' -d '{"model": "${name}", "messages": [{"role": "user", "content": "Hello"}]}'`
          : `\nTry it: trestle endpoints predict ${name} --example`
      )
    })

  endpoints
    .command('delete')
    .description('delete an endpoint; requests under way are finished')
    .argument('<name>')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  trestle endpoints delete fraud --yes')
    .action(async (endpoint: string, options: { yes?: boolean }, command: Command) => {
      const { client, out } = contextOf(command)
      await requireConsent(`Delete the endpoint ${endpoint}?`, options.yes ?? false)
      await client.serving.deleteEndpoint({ endpoint })
      if (!out.json({ name: endpoint })) out.say(`Deleted: ${endpoint}.`)
    })

  addTrafficCommands(endpoints)
  addPredictCommand(endpoints)

  endpoints
    .command('stats')
    .description('counts and mean times per variant since the server loaded it')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  trestle endpoints stats fraud')
    .action(async (endpoint: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.serving.getStats({ endpoint })
      out.table(
        items,
        [
          ['variant', (s) => s.variant],
          ['requests', (s) => s.requests],
          ['ok', (s) => s.ok],
          ['errors', (s) => s.errors],
          ['timeouts', (s) => s.timeouts],
          ['rejected', (s) => s.rejected],
          ['shadowed', (s) => s.shadowed],
          ['latency ms', (s) => s.meanLatencyMs?.toFixed(2)],
          ['compute ms', (s) => s.meanComputeMs?.toFixed(2)],
          ['rows/batch', (s) => s.meanBatchRows?.toFixed(1)],
          ['last', (s) => showTime(s.lastAt)],
        ],
        'No variants.'
      )
      const backends = items.flatMap(({ variant, backends: all }) =>
        all.map((backend) => ({ ...backend, variant }))
      )
      if (backends.length === 0 || out.isJson) return
      out.say('')
      out.table(
        backends,
        [
          ['variant', (b) => b.variant],
          ['backend', (b) => b.name],
          ['calls', (b) => b.calls],
          ['failures', (b) => b.failures],
          ['throttled', (b) => b.throttled],
          ['in flight', (b) => b.inFlight],
          ['first byte ms', (b) => b.firstByteMs?.toFixed(1)],
          ['running there', (b) => b.running],
          ['waiting there', (b) => b.waiting],
          [
            'kv cache',
            (b) => (b.kvCacheUse === null ? null : `${(b.kvCacheUse * 100).toFixed(0)}%`),
          ],
          ['trouble', (b) => b.trouble],
        ],
        'No backends.'
      )
    })
}

const trafficOf = ({ traffic }: Endpoint): string =>
  [
    ...traffic.weights.map((w) => `${w.variant}=${w.basisPoints / 100}%`),
    ...traffic.shadows.map((s) => `${s.variant}=shadow ${s.share}`),
  ].join(' ')
