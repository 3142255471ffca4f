import { CommanderError } from 'commander'
import { afterEach, expect, test, vi } from 'vitest'
import { createProgram } from '../src/program.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Command lines that are refused before the server is asked, and the word that says why. */
const WRONG: readonly (readonly [line: string, why: string])[] = [
  ['models nonsense', 'too many arguments'],
  ['models show a/b', 'fraud/3'],
  ['models register fraud', 'missing required'],
  ['models register fraud m.onnx --metric auc', 'key=value'],
  ['models register fraud m.onnx --metric auc=high', 'not a number'],
  ['models register fraud m.onnx --columns a,b', '--outputs'],
  ['models alias fraud champion', '--remove'],
  ['models alias fraud champion 0', 'whole number'],
  ['models stage fraud/1 Prod', 'Archived'],
  ['models stage fraud Production', 'fraud/1'],
  ['endpoints create fraud', '--model'],
  ['endpoints traffic fraud v1=90', 'add up to 90'],
  ['endpoints traffic fraud v1=90 v1=10', 'twice'],
  ['endpoints traffic fraud v1=120 v2=-20', 'from 0 to 100'],
  ['endpoints predict fraud', '--example'],
  ['endpoints predict fraud amount', 'key=value'],
  ['endpoints predict fraud --data [1]', 'not a JSON object'],
  ['rollouts start fraud', '--model'],
  ['rollouts start fraud --model m/1 --strategy slow', 'Allowed choices'],
  ['rollouts start fraud --model m/1 --strategy safe --bake 30s', 'no use for --bake'],
  ['rollouts start fraud --model m/1 --steps 50,10', 'rising'],
  ['rollouts start fraud --model m/1 --strategy canary --goal revenue', 'no use for --goal'],
  ['rollouts start fraud --model m/1 --stage Prod', 'Allowed choices'],
  ['rollouts freeze add sale --from 2026-01-01', "'--to"],
  ['rollouts start fraud --model m/1 --bake 30', '30s'],
  ['rollouts start fraud --model m/1 --gate speed=1', '--gate speed'],
  ['rollouts watch', 'missing required'],
  ['features get customer_id=1', '--service'],
  ['features materialize --from 7d', '--full'],
  ['features push view rows.ndjson --to moon', 'Allowed choices'],
  ['drift show', 'missing required'],
  ['drift list --limit none', 'not a number'],
  ['labels post pr_1', '--file'],
  ['labels post pr_1 1 --file l.ndjson', '--file'],
  ['costs --by planet', 'variant'],
  ['costs --since yesterday', '7d'],
  ['apply', 'missing required'],
]

test.each(WRONG)('wrong usage: trestle %s', async (line, why) => {
  const said: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.push(String(text))
    return true
  })
  const program = createProgram()
  const error: unknown = await program
    .parseAsync(['--url', 'http://127.0.0.1:1', ...line.split(' ')], { from: 'user' })
    .catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(CommanderError) // main answers these with exit code 2
  expect((error as CommanderError).exitCode).not.toBe(0)
  expect(said.join('')).toContain(why)
})

test('every command has a description, and each that does something has an example', async () => {
  const program = createProgram()
  const own = ['serve', 'demo', 'keys', 'projects', 'call']
  for (const group of program.commands.filter((one) => !own.includes(one.name()))) {
    const leaves = group.commands.length === 0 ? [group] : group.commands
    for (const leaf of leaves.flatMap((one) =>
      one.commands.length === 0 ? [one] : one.commands
    )) {
      let help = ''
      leaf.configureOutput({ writeOut: (text) => (help += text) })
      leaf.outputHelp()
      expect(help, leaf.name()).toMatch(/Examples?:\n {2}trestle /)
      expect(leaf.description()).not.toBe('')
    }
  }
})
