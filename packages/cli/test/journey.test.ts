import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runHere } from './support/in-process.ts'
import { startServer, type Ran, type TestServer } from './support/server.ts'

const MODELS = fileURLToPath(new URL('../../../examples/payments-risk/models/', import.meta.url))
const COLUMNS = Array.from({ length: 12 }, (_, i) => `c${i}`)
const ROW = COLUMNS.map((column, i) => `${column}=${i}`)

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
  await rm(server.dataDir, { recursive: true, force: true })
})

/** `apply` imports modules with Node's own loader, so it runs as a process. */
const run = (...args: string[]): Promise<Ran> =>
  args[0] === 'apply' ? server.trestle(args) : runHere(server.url, args)

/** What a command prints, after it has ended well. */
async function good(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' })
  return stdout
}

const json = async <T>(...args: string[]): Promise<T> =>
  JSON.parse(await good(...args, '--json')) as T

async function prints(
  expected: readonly (readonly [args: string[], text: RegExp])[]
): Promise<void> {
  for (const [args, text] of expected) expect(await good(...args)).toMatch(text)
}

/** Waits until the new variant of a rollout is loaded. */
const loaded = (id: string): Promise<void> =>
  vi.waitFor(
    async () => {
      expect(await json('rollouts', 'show', id)).not.toMatchObject({ phase: 'pending' })
    },
    { timeout: 15_000, interval: 50 }
  )

async function file(name: string, content: string): Promise<string> {
  const path = join(server.dataDir, name)
  await writeFile(path, content)
  return path
}

const register = (version: number): Promise<string> =>
  good(
    ...['models', 'register', 'fraud', join(MODELS, `v${version}.onnx`)],
    ...['--metric', `auc=0.9${version}`, '--tag', 'team=risk', '--description', `try ${version}`],
    ...['--columns', COLUMNS.join(','), '--outputs', 'label:long,score']
  )

test('a model goes from a file to predictions, by the commands alone', async () => {
  expect(await register(1)).toMatch(
    /version +fraud\/1[^]*metrics +auc=0.91[^]*endpoints create fraud/
  )
  await register(2)
  expect(await good('models')).toMatch(/NAME +NEWEST[^]*fraud +2 +2/)
  expect(await good('models', 'alias', 'fraud', 'champion', '1')).toBe(
    'fraud@champion is version 1.\n'
  )
  expect(await good('models', 'stage', 'fraud/1', 'production')).toContain('Production')
  expect(await json('models', 'show', 'fraud/1')).toMatchObject({
    version: 1,
    aliases: ['champion'],
    stage: 'Production',
    tags: { team: 'risk' },
    description: 'try 1',
  })
  expect(await good('models', 'card', 'fraud/1')).toMatch(/^# fraud v1[^]*\| auc \| 0.91 \|/)
  expect(await good('models', 'compare', 'fraud@champion', 'fraud/2', '--latency')).toMatch(
    /FRAUD\/1 +FRAUD\/2[^]*auc +0.91 +0.92 +\+0.01[^]*latency p50[^]*served by the right as they are/
  )
  expect(await good('lineage', 'model-version', 'fraud/1')).toMatch(
    /run \S+ {2}─ registered as → {2}model-version fraud\/1/
  )
  expect(await good('models', 'history', 'fraud')).toMatch(/stage.changed +1 +Production/)

  expect(await good('endpoints', 'create', 'fraud', '--model', 'fraud@champion')).toMatch(
    /v1 +fraud\/1 +ready +100%/
  )
  expect(await good('endpoints', 'predict', 'fraud', ...ROW)).toMatch(
    /score +[\d[][^]*variant +v1[^]*prediction/
  )
  await good('endpoints', 'variants', 'add', 'fraud', '--model', 'fraud/2')
  expect(
    await good('endpoints', 'traffic', 'fraud', 'v1=99.5', 'v2=0.5', '--shadow', 'v2=0.5')
  ).toMatch(/v2 +fraud\/2 +ready +0.5% +0.5/)
  const data = JSON.stringify(Object.fromEntries(COLUMNS.map((column) => [column, 1])))
  const answer = await json<{ predictionId: string; variant: string }>(
    ...['endpoints', 'predict', 'fraud', '--data', data, '--variant', 'v2']
  )
  expect(answer.variant).toBe('v2')
  expect(await good('labels', 'post', answer.predictionId, '1')).toContain('1 labels')
  const labels = await file(
    'labels.ndjson',
    `{"predictionId":"${answer.predictionId}","value":0}\n\n`
  )
  expect(await json('labels', 'post', '--file', labels)).toMatchObject({ accepted: 1, changed: 1 })
  expect(await good('endpoints', 'stats', 'fraud')).toMatch(/v2 +1 +1/)
  await good('endpoints', 'traffic', 'fraud', 'v1=100')
  await good('endpoints', 'variants', 'remove', 'fraud', 'v2')
  expect(await json('endpoints')).toMatchObject([{ variants: [{ name: 'v1' }] }])
})

test('a rollout is told as a story, and its end is the exit code', async () => {
  const started = await json<{ id: string; gates: unknown }>(
    ...['rollouts', 'start', 'fraud', '--model', 'fraud/2', '--steps', '10,50', '--bake', '1h'],
    ...['--gate', 'error-rate=0.02', '--deadline', '2h']
  )
  expect(started.gates).toMatchObject([{ metric: 'error-rate', margin: 0.02 }])
  const busy = await run('endpoints', 'traffic', 'fraud', 'v1=100')
  expect(busy).toMatchObject({ code: 1 })
  expect(busy.stderr).toContain('trestle rollouts list')
  await loaded(started.id)
  await good('rollouts', 'pause', started.id, '--note', 'lunch')
  await good('rollouts', 'resume', started.id)
  await good('rollouts', 'abort', started.id, '--note', 'enough')
  const watched = await run('rollouts', 'watch', started.id)
  expect(watched).toMatchObject({ code: 1 })
  expect(watched.stdout).toContain('Ended: aborted.')
  expect(await good('rollouts', 'show', started.id)).toMatch(
    /fraud\/2 as v2 beside v1 on fraud[^]*paused[^]*lunch[^]*aborted/
  )

  const next = await json<{ id: string }>(
    ...['rollouts', 'start', 'fraud', '--model', 'fraud/2', '--strategy', 'all-at-once'],
    ...['--bake', '1h', '--alias', 'champion']
  )
  await loaded(next.id)
  await good('rollouts', 'promote', next.id, '--note', 'it is right')
  expect(await good('rollouts', 'watch', next.id)).toMatch(
    /100% [^]*it is right[^]*Ended: promoted/
  )
  expect(await json('models', 'show', 'fraud/2')).toMatchObject({ aliases: ['champion'] })
  expect(await good('rollouts')).toMatch(/all-at-once +promoted[^]*canary +aborted/)
})

test('what a module declares is shown, applied, and then nothing is left to change', async () => {
  const config = await file(
    'trestle.config.ts',
    `import { defineBudget, defineEntity, defineFeatureService, defineFeatureView, defineFreezeWindow, defineMonitor, defineRollout, f, source } from '@trestle/sdk'
const customer = defineEntity('customer', { customer_id: f.string() })
const stats = defineFeatureView({ name: 'stats', entities: [customer], features: { spent: f.float64() }, source: source.push('stats_push') })
export const service = defineFeatureService({ name: 'risk', features: [stats] })
export default [
  defineMonitor({ name: 'inputs', endpoint: 'fraud', reference: { kind: 'first', rows: 50 }, window: { kind: 'rows', rows: 50 } }),
  defineRollout({ endpoint: 'fraud', model: 'fraud', on: { alias: 'champion' }, strategy: { kind: 'canary', steps: [{ weightPercent: 10 }] } }),
  defineFreezeWindow({ name: 'nights', when: { kind: 'weekly', days: ['mon'], from: '22:00', to: '06:00' } }),
  defineBudget({ name: 'small', endpoint: 'fraud', period: 'day', usd: '5' }),
] as const
`
  )
  const unasked = await server.trestle(['apply', config])
  expect(unasked).toMatchObject({ code: 1 })
  expect(unasked.stdout).toMatch(/^\+ /m)
  expect(unasked.stderr).toContain('--yes')
  expect(await good('apply', config, '--dry-run')).toMatch(
    /\+ .*inputs[^]*\+ .*small[^]*changes, 0 unchanged/
  )
  expect(await good('drift', 'monitors')).toContain('No monitors')
  expect(await good('apply', config, '--yes')).toContain('Applied: ')
  expect(await good('apply', config, '--yes')).toMatch(/^Nothing to change \(\d+ unchanged\)/)
  expect(await json('apply', config)).toMatchObject({ isApplied: false })

  const rows = await file(
    'rows.ndjson',
    '{"customer_id":"a","spent":12.5,"event_timestamp":"2026-01-01T00:00:00Z"}\n'
  )
  expect(await good('features', 'push', 'stats', rows)).toBe('1 rows are in stats.\n')
  await prints([
    [['drift', 'monitors'], /inputs +fraud +all/],
    [['drift', 'evaluate', 'inputs'], /inputs is /],
    [['drift', 'alerts', '--firing'], /^No alerts/],
    [['drift', 'list'], /No drift reports yet/],
    [['costs', 'budgets'], /small +fraud +5 a day/],
    [['features', 'get', '--service', 'risk', 'customer_id=a'], /spent +12.5 +PRESENT/],
    [['features'], /stats +1 +customer/],
    [['features', 'show', 'stats'], /spent +float64/],
    [['features', 'search', 'spent'], /feature +spent +stats/],
    [['features', 'services'], /risk +1 +customer_id +spent/],
    [['features', 'materialize', 'stats'], /stats +0/],
  ])
})

test('a declared policy makes a rollout of a moved alias, and freeze windows come and go', async () => {
  await prints([
    [['rollouts', 'policies'], /fraud +fraud +alias champion +canary +the strategy's/],
    [['rollouts', 'freeze'], /nights +every one +mon 22:00 to 06:00 UTC/],
    [
      ['rollouts', 'freeze', 'add', 'sale', '--from', '2020-01-01', '--to', '2020-01-02'],
      /^sale: .* to .*/,
    ],
  ])
  expect(await json('rollouts', 'freeze')).toMatchObject([
    { name: 'nights' },
    { name: 'sale', isFrozen: false, endpoint: null },
  ])
  await good('rollouts', 'freeze', 'remove', 'sale')
  const moved = await good('models', 'alias', 'fraud', 'champion', '1')
  expect(moved).toMatch(/^fraud@champion moves when rollout (rol_\w+) ends well/)
  expect(await json('models', 'show', 'fraud/2')).toMatchObject({ aliases: ['champion'] })
  const id = /rol_\w+/.exec(moved)?.[0] ?? ''
  expect(await good('rollouts', 'show', id)).toContain('strategy canary')
  await good('rollouts', 'abort', id)
  await good('rollouts', 'policies', 'remove', 'fraud')
  await run('rollouts', 'watch', id)
  expect(await good('models', 'alias', 'fraud', 'champion', '1')).toBe(
    'fraud@champion is version 1.\n'
  )
})

test('YAML is checked as a whole before anything is asked for', async () => {
  const right = await file('right.yaml', 'budgets:\n  - { name: whole, period: month, usd: "9" }\n')
  expect(await good('apply', right, '--yes')).toMatch(/\+ .*whole[^]*Applied: 1 change/)
  expect(await good('apply', right, '--prune', '--dry-run')).toMatch(/^- .*small/m)
  const wrong = await file(
    'wrong.yaml',
    'budgets:\n  - { name: x, period: decade, usd: "9" }\nendpoints:\n  - { model: fraud/1 }\nrollouts:\n  - { endpoint: fraud, model: fraud, alpha: 9 }\n'
  )
  const refused = await server.trestle(['apply', wrong, '--yes'], {
    TRESTLE_URL: 'http://127.0.0.1:1',
  })
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.stderr).toMatch(/endpoints\.0\.name[^]*budgets\.0\.period[^]*rollouts\.0\.alpha/)
  const typo = await file('typo.json', '{"endpoint": []}')
  expect((await server.trestle(['apply', typo])).stderr).toContain('unknown key "endpoint"')
})

test('costs, runs and experiments are there to read', async () => {
  await prints([
    [['costs', '--by', 'variant,day', '--since', '7d'], /VARIANT +DAY[^]*v1 +\d{4}-/],
    [['costs', 'report', '--endpoint', 'fraud', '--json'], /"billUsd"/],
    [['costs', 'rates'], /built in/],
    [['experiments'], /Default/],
    [['runs', 'list', '--limit', '1'], /auc=0.92/],
  ])
})

test('a deletion needs a yes where nobody can be asked', async () => {
  expect(await run('models', 'delete', 'fraud')).toMatchObject({ code: 1, stdout: '' })
  expect(await good('endpoints', 'delete', 'fraud', '--yes')).toBe('Deleted: fraud.\n')
  expect(await good('models', 'delete', 'fraud', '--yes')).toContain('Deleted')
  const gone = await run('models', 'show', 'fraud')
  expect(gone).toMatchObject({ code: 1 })
  expect(gone.stderr).toContain('trestle models list')
})
