import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { comparisonOptions, type ColumnReport, type DriftDocument } from '@trestle/contract'
import { Option, type Command } from 'commander'
import { contextOf } from '../context.ts'
import type { Column } from '../output.ts'
import { parseCount, parseNumber } from '../parse/key-value.ts'
import { withProgress } from '../progress.ts'
import { serverProgram } from '../server-program.ts'

type ReportOptions = {
  reference: string
  current: string
  out: string
  junit?: string
  columns?: string[]
  ignore?: string[]
  test?: string
  effect?: string
  threshold?: number
  categoricalTest?: string
  categoricalEffect?: string
  categoricalThreshold?: number
  vectorThreshold?: number
  missingThreshold?: number
  fdr?: number
  minimumRows?: number
  target?: string
  prediction?: string
  score?: string
  problem?: string
  positive?: string
  segment?: string
  failOn: 'drift' | 'insufficient' | 'never'
}

const DRIFT_EXIT_CODE = 4

const { numeric, categorical } = comparisonOptions.shape
const numericShape = numeric.unwrap().shape
const categoricalShape = categorical.unwrap().shape

/** `trestle drift report` and `trestle drift reference`: they need no server. */
export function addDriftReportCommands(drift: Command): void {
  drift
    .command('report')
    .description('compare two files, with no server: HTML, JSON, JUnit and an exit code for CI')
    .requiredOption('--reference <file>', 'Parquet, CSV, NDJSON, or a saved reference (.json)')
    .requiredOption('--current <file>', 'Parquet, CSV or NDJSON')
    .option('--out <file>', 'the HTML report', 'drift-report.html')
    .option('--junit <file>', 'a JUnit XML report as well')
    .option('--columns <names>', 'only these columns, by comma', parseNames)
    .option('--ignore <names>', 'not these columns, by comma', parseNames)
    .addOption(choice('--test <name>', 'test of numbers', numericShape.test.unwrap().options))
    .addOption(choice('--effect <name>', 'effect of numbers', numericShape.effect.unwrap().options))
    .option('--threshold <n>', 'how large the effect of numbers must be (0.1)', parseNumber)
    .addOption(
      choice(
        '--categorical-test <name>',
        'test of categories',
        categoricalShape.test.unwrap().options
      )
    )
    .addOption(
      choice(
        '--categorical-effect <name>',
        'effect of categories',
        categoricalShape.effect.unwrap().options
      )
    )
    .option('--categorical-threshold <n>', 'how large that effect must be (0.1)', parseNumber)
    .option('--vector-threshold <auc>', 'for texts and embeddings (0.55)', parseNumber)
    .option('--missing-threshold <share>', 'how far missing values may move (0.05)', parseNumber)
    .option('--fdr <share>', 'largest share of false discoveries (0.05)', parseNumber)
    .option('--minimum-rows <n>', 'fewer values: insufficient (50)', parseCount)
    .option('--target <column>', 'true values, for a quality report as well')
    .option('--prediction <column>', 'predicted values')
    .option('--score <column>', 'probabilities of the positive class')
    .addOption(
      choice('--problem <kind>', 'kind of problem', ['binary', 'multiclass', 'regression'])
    )
    .option('--positive <value>', 'the positive class')
    .option('--segment <column>', 'judge the ten most frequent values of a column on their own too')
    .addOption(
      choice('--fail-on <state>', 'when to exit with 4', [
        'drift',
        'insufficient',
        'never',
      ]).default('drift')
    )
    .addHelpText(
      'after',
      '\nExamples:\n  trestle drift report --reference training.parquet --current week.parquet\n  trestle drift report --reference a.csv --current b.csv --target churned --prediction predicted --junit drift.xml'
    )
    .action(async (options: ReportOptions, command: Command) => {
      const { out } = contextOf(command)
      const html = resolve(options.out)
      const report = (await withProgress('Comparing', () =>
        runReportProgram({
          kind: 'report',
          request: requestOf(options),
          html,
          junit: options.junit === undefined ? null : resolve(options.junit),
        })
      )) as DriftDocument // what the program prints
      if (!out.json(report)) {
        out.table(report.columns, DRIFT_COLUMNS, 'No columns to compare.')
        out.say(`\n${report.summary}\nReport: ${html}`)
      }
      const isBad =
        report.state === 'drift' ||
        (report.state === 'insufficient' && options.failOn === 'insufficient')
      if (isBad && options.failOn !== 'never') process.exitCode = DRIFT_EXIT_CODE
    })

  drift
    .command('reference')
    .description('keep what is needed of a file to compare others with it, later and without it')
    .argument('<data-file>')
    .requiredOption('--out <file>', 'the saved reference, ending in .json')
    .addHelpText(
      'after',
      '\nExample:\n  trestle drift reference training.parquet --out training.json'
    )
    .action(async (data: string, { out: to }: { out: string }, command: Command) => {
      const { out } = contextOf(command)
      const saved = (await withProgress('Reading', () =>
        runReportProgram({ kind: 'reference', data: resolve(data), to: resolve(to) })
      )) as { rows: number; columns: number } // what the program prints
      out.record(saved, [
        ['rows', saved.rows],
        ['columns', saved.columns],
        ['saved', resolve(to)],
      ])
    })
}

function requestOf(options: ReportOptions): object {
  const { target, prediction } = options
  const given = (values: Record<string, unknown>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  if ((target === undefined) !== (prediction === undefined))
    throw new Error('a quality report needs --target and --prediction')
  return given({
    reference: resolve(options.reference),
    current: resolve(options.current),
    columns: options.columns,
    ignore: options.ignore,
    segment: options.segment,
    options: given({
      numeric: given({
        test: options.test,
        effect: options.effect,
        threshold: options.threshold,
      }),
      categorical: given({
        test: options.categoricalTest,
        effect: options.categoricalEffect,
        threshold: options.categoricalThreshold,
      }),
      vectors: given({ threshold: options.vectorThreshold }),
      missingThreshold: options.missingThreshold,
      falseDiscoveryRate: options.fdr,
      minimumRows: options.minimumRows,
    }),
    quality:
      target === undefined
        ? undefined
        : given({
            target,
            prediction,
            score: options.score,
            problem: options.problem,
            positive: options.positive,
          }),
  })
}

/** Runs the program of reports, which loads the analytical engine that no other command needs. */
async function runReportProgram(task: object): Promise<unknown> {
  const program = [...process.execArgv, serverProgram('report-program'), JSON.stringify(task)]
  try {
    const { stdout } = await promisify(execFile)(process.execPath, program, {
      maxBuffer: 1 << 30,
    })
    return JSON.parse(stdout)
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw said === '' ? error : new Error(said, { cause: error })
  }
}

const parseNames = (text: string): string[] => text.split(',').map((name) => name.trim())

const choice = (flags: string, says: string, options: readonly string[]): Option =>
  new Option(flags, says).choices([...options])

/** How columns are listed. */
export const DRIFT_COLUMNS: readonly Column<ColumnReport>[] = [
  ['column', (c) => (c.segment === null ? c.column : `${c.column} [${c.segment}]`)],
  ['state', (c) => c.state],
  [
    'effect',
    (c) => (c.effect.value === null ? null : `${c.effect.name} ${c.effect.value.toFixed(3)}`),
  ],
  ['threshold', (c) => c.effect.threshold],
  ['adjusted p', (c) => c.adjustedPValue?.toPrecision(2)],
  ['missing', (c) => `${(c.missingShare * 100).toFixed(1)}%`],
  ['finding', (c) => c.finding],
]
