import { writeFile } from 'node:fs/promises'
import { lineageKind, type LineageKind, type VersionComparison } from '@trestle/contract'
import { Argument, Option, type Command } from 'commander'
import { contextOf, LONG_CALL_MS } from '../context.ts'
import { showTime, type Output } from '../output.ts'
import { parseVersion } from '../parse/model-version.ts'
import { withProgress } from '../progress.ts'

const DIRECTIONS = ['both', 'upstream', 'downstream'] as const

/** `trestle lineage <kind> <id>` */
export function addLineageCommand(program: Command): void {
  program
    .command('lineage')
    .description('what something was made from, and what was made from it')
    .addArgument(new Argument('<kind>', 'of what').choices(lineageKind.options))
    .argument('<id>', 'its id: a name, name/version, a run, a commit, dataset@digest')
    .addOption(new Option('--direction <way>', 'which way').choices(DIRECTIONS).default('both'))
    .addHelpText(
      'after',
      '\nExample:\n  trestle lineage model-version fraud/3\n  trestle lineage commit 9fceb02 --direction downstream'
    )
    .action(
      async (
        kind: LineageKind,
        id: string,
        { direction }: { direction: (typeof DIRECTIONS)[number] },
        command: Command
      ) => {
        const { client, out } = contextOf(command)
        const graph = await client.lineage.getLineage({ kind, id, direction })
        if (out.json(graph)) return
        out.table(
          graph.nodes,
          [
            ['kind', (n) => n.kind],
            ['id', (n) => n.id],
            ['name', (n) => n.label],
            ['state', (n) => n.state],
            ['since', (n) => showTime(n.at)],
          ],
          ''
        )
        out.say('')
        for (const { from, to, label } of graph.edges)
          out.say(`${from.kind} ${from.id}  ─ ${label} →  ${to.kind} ${to.id}`)
        if (graph.isTruncated) out.say('\nThere is more: the farthest are left out.')
      }
    )
}

type CardOptions = { html?: boolean; out?: string }

/** `trestle models card` and `trestle models compare` */
export function addCardCommands(models: Command): void {
  models
    .command('card')
    .description('the model card of a version: Markdown, or HTML')
    .argument('<version>', 'e.g. fraud/3', parseVersion)
    .option('--html', 'a page of HTML that stands alone')
    .option('--out <file>', 'write it to a file')
    .addHelpText('after', '\nExample:\n  trestle models card fraud/3 --html --out fraud.html')
    .action(
      async (of: { name: string; version: number }, options: CardOptions, command: Command) => {
        const { client, out } = contextOf(command)
        const card = await client.lineage.getCard(of)
        const text = options.html === true ? card.html : card.markdown
        if (options.out === undefined) {
          if (!out.json(card)) process.stdout.write(text)
          return
        }
        await writeFile(options.out, text)
        if (!out.json({ file: options.out })) out.say(`Written to ${options.out}.`)
      }
    )

  models
    .command('compare')
    .description('two versions side by side: metrics, params, signature, size, latency')
    .argument('<left>', 'fraud/1, fraud@champion')
    .argument('<right>', 'fraud/2, fraud@challenger')
    .option('--latency', 'load both on the server and time them')
    .addHelpText('after', '\nExample:\n  trestle models compare fraud@champion fraud/4 --latency')
    .action(
      async (left: string, right: string, options: { latency?: boolean }, command: Command) => {
        const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
        const latency = options.latency ?? false
        const data = await withProgress(latency ? 'Timing both versions' : 'Comparing', async () =>
          client.lineage.compareVersions({ left, right, latency })
        )
        showComparison(out, data)
      }
    )
}

type Line = readonly [what: string, left: string | null, right: string | null, note: string]

function showComparison(out: Output, data: VersionComparison): void {
  if (out.json(data)) return
  const number = (value: number | null): string | null =>
    value === null ? null : String(Number(value.toPrecision(6)))
  const sign = (value: number | null): string =>
    value === null ? '' : `${value > 0 ? '+' : ''}${number(value) ?? ''}`
  const lines: Line[] = [
    ...data.metrics.map((m): Line => [m.name, number(m.left), number(m.right), sign(m.delta)]),
    ...(['p50', 'p95', 'p99'] as const).flatMap((name): Line[] =>
      data.latency.left === null && data.latency.right === null
        ? []
        : [
            [
              `latency ${name}, µs`,
              number(data.latency.left?.[name] ?? null),
              number(data.latency.right?.[name] ?? null),
              '',
            ],
          ]
    ),
    ['size, bytes', String(data.left.sizeBytes), String(data.right.sizeBytes), ''],
    ...[...data.params, ...data.facts].map((row): Line => [
      row.name,
      row.left,
      row.right,
      row.isSame ? '' : 'changed',
    ]),
    ...data.signature.rows.map((row): Line => [
      `${row.side === 'inputs' ? 'in' : 'out'} ${row.name}`,
      row.left,
      row.right,
      row.change === 'same' ? '' : row.change,
    ]),
  ]
  const titleOf = ({ version }: VersionComparison['left']): string =>
    `${version.name}/${version.version}`
  out.table(
    lines,
    [
      ['', (l) => l[0]],
      [titleOf(data.left), (l) => l[1]],
      [titleOf(data.right), (l) => l[2]],
      ['difference', (l) => l[3]],
    ],
    ''
  )
  out.say(`\n${data.latency.note}.`)
  if (data.signature.isCompatible !== null)
    out.say(
      data.signature.isCompatible
        ? 'Callers of the left are served by the right as they are.'
        : 'Callers of the left must change to be served by the right.'
    )
}
