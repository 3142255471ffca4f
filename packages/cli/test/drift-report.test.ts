import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { driftDocument } from '@trestle/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runHere } from './support/in-process.ts'

let folder: string
const at = (name: string) => join(folder, name)
/** Nothing listens there. */
const drift = (...args: string[]) => runHere('http://127.0.0.1:1', ['drift', ...args])

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trestle-drift-report-'))
  const rows = (shift: number) =>
    Array.from({ length: 400 }, (_, i) => `${((i * 7919) % 400) / 40 + shift},${i % 2}`)
  await writeFile(at('before.csv'), ['x,y', ...rows(0)].join('\n'))
  await writeFile(at('now.csv'), ['x,y', ...rows(4)].join('\n'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('two files are compared without a server: page, JUnit, JSON, and exit code 4 for drift', async () => {
  const files = ['--reference', at('before.csv'), '--current', at('now.csv'), '--out', at('r.html')]
  const ran = await drift('report', ...files, '--junit', at('r.xml'), '--json')
  expect(ran).toMatchObject({ code: 4 })
  expect(driftDocument.parse(JSON.parse(ran.stdout)).driftedColumns).toEqual(['x'])
  expect(await readFile(at('r.html'), 'utf8')).toContain('1 of 2 columns drifted')
  expect(await readFile(at('r.xml'), 'utf8')).toContain('failures="1"')

  const calm = await drift('report', ...files, '--ignore', 'x')
  expect(calm).toMatchObject({ code: 0 })
  expect(calm.stdout).toContain('No drift in 1 columns over 400 rows.')
  expect(await drift('report', ...files, '--fail-on', 'never')).toMatchObject({ code: 0 })
})

test('a saved reference stands in for its file', async () => {
  expect(await drift('reference', at('before.csv'), '--out', at('saved.json'))).toMatchObject({
    code: 0,
  })
  const files = ['--reference', at('saved.json'), '--current', at('now.csv'), '--out', at('s.html')]
  expect((await drift('report', ...files)).code).toBe(4)
})

test('what cannot be read and what is asked wrongly is said in one line', async () => {
  const missing = await drift('report', '--reference', at('no.csv'), '--current', at('now.csv'))
  expect(missing.code).toBe(1)
  expect(missing.stderr).toContain('no.csv')
  const files = ['--reference', at('before.csv'), '--current', at('now.csv')]
  expect(await drift('report', ...files, '--test', 'magic')).toMatchObject({ code: 2 })
  const large = await drift('report', ...files, '--fdr', '2')
  expect(large.code).toBe(1)
  expect(large.stderr).toContain('falseDiscoveryRate')
})
