import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))
let tree = ''

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'trestle-boundaries-'))
  for (const file of [
    '.dependency-cruiser.cjs',
    'tsconfig.json',
    'tsconfig.base.json',
    'package.json',
  ])
    await cp(join(root, file), join(tree, file))
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'))
})
afterAll(() => rm(tree, { recursive: true, force: true }))

/** The rules that a small tree of files breaks. */
async function broken(files: Record<string, string>): Promise<string[]> {
  await rm(join(tree, 'packages'), { recursive: true, force: true })
  for (const [path, content] of Object.entries(files)) {
    const target = join(tree, 'packages', path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, content)
  }
  const report = await run(
    join(root, 'node_modules/.bin/depcruise'),
    ['packages', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'],
    { cwd: tree }
  ).catch((error: unknown) => error as { stdout: string })
  const { summary } = JSON.parse(report.stdout) as {
    summary: { violations: { rule: { name: string } }[] }
  }
  return [...new Set(summary.violations.map((violation) => violation.rule.name))]
}

const M = 'server/src/modules'

test('a tree that keeps the rules passes', async () => {
  expect(
    await broken({
      [`${M}/serving/index.ts`]: 'export const a = 1',
      [`${M}/costs/index.ts`]: "import { a } from '../serving/index.ts'\nexport const b = a",
    })
  ).toEqual([])
})
test('an upward import between modules is refused', async () => {
  expect(
    await broken({
      [`${M}/costs/index.ts`]: 'export const a = 1',
      [`${M}/serving/index.ts`]: "import { a } from '../costs/index.ts'\nexport const b = a",
    })
  ).toContain('serving-imports-downward-only')
})
test('a deep import past the door is refused', async () => {
  expect(
    await broken({
      [`${M}/serving/store.ts`]: 'export const a = 1',
      [`${M}/costs/index.ts`]: "import { a } from '../serving/store.ts'\nexport const b = a",
    })
  ).toContain('enter-by-the-index')
})
test('a cycle is refused, also of types alone', async () => {
  expect(
    await broken({
      [`${M}/costs/a.ts`]: "import type { B } from './b.ts'\nexport type A = B",
      [`${M}/costs/b.ts`]: "import type { A } from './a.ts'\nexport type B = A | null",
    })
  ).toContain('no-cycles')
})
test('a kernel that imports and a platform that knows a module are refused', async () => {
  expect(
    await broken({
      'server/src/kernel/a.ts':
        "import { readFileSync } from 'node:fs'\nexport const a = readFileSync",
      [`${M}/costs/index.ts`]: 'export const b = 1',
      'server/src/platform/p.ts':
        "import { b } from '../modules/costs/index.ts'\nexport const c = b",
    })
  ).toEqual(expect.arrayContaining(['kernel-is-pure', 'platform-knows-no-module']))
})
