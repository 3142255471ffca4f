import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { showTime } from '../output.ts'
import { parseList } from '../parse/key-value.ts'

/** `trestle costs prices …` */
export function addPriceCommands(costs: Command): void {
  const prices = costs.command('prices').description('prices of LLMs, by the token')

  prices
    .command('list', { isDefault: true })
    .description('your own prices, then those that come with Trestle; USD for a million tokens')
    .argument('[search]', 'part of a provider or model')
    .addHelpText('after', '\nExample:\n  trestle costs prices gpt-4o')
    .action(async (search: string | undefined, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.costs.listLlmPrices(search === undefined ? {} : { search })
      out.table(
        items,
        [
          ['model', (p) => `${p.provider === '' ? '*' : p.provider}:${p.model}`],
          ['input', (p) => perMillion(p.prices.input)],
          ['cached', (p) => perMillion(p.prices.cache_read)],
          ['output', (p) => perMillion(p.prices.output)],
          ['tiers', (p) => p.tiers.map((tier) => `>${tier.above}`).join(' ')],
          ['from', (p) => (p.validFrom === 0 ? 'always' : showTime(p.validFrom))],
          ['source', (p) => p.source],
        ],
        'No prices.'
      )
    })

  prices
    .command('import')
    .description("import LiteLLM's model_prices_and_context_window.json as it is")
    .argument('<file>')
    .requiredOption('--source <text>', 'where the file is from, and of which date')
    .option('--providers <a,b>', 'only of these', parseList)
    .addHelpText(
      'after',
      '\nExample:\n  trestle costs prices import model_prices_and_context_window.json --source "LiteLLM, 27 November 2026" --providers openai,anthropic'
    )
    .action(
      async (
        file: string,
        options: { source: string; providers?: readonly string[] },
        command: Command
      ) => {
        const { client, out } = contextOf(command)
        const table = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown> // the server checks it
        const done = await client.costs.importLlmPrices({
          format: 'litellm',
          prices: table,
          source: options.source,
          ...(options.providers === undefined ? {} : { providers: [...options.providers] }),
        })
        if (!out.json(done))
          out.say(
            `Imported ${done.imported} prices; ${done.skipped} are not by the token. ${done.repriced} costs without a price have one now.`
          )
      }
    )
}

const perMillion = (price: string | undefined): string | null =>
  price === undefined ? null : String(Number((Number(price) * 1e6).toPrecision(12)))
