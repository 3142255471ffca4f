import { mkdir } from 'node:fs/promises'
import { createClient } from '@trestle/sdk'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { buildConsole, hasBrowser, openBrowser, openPage } from './browser.ts'
import { seedApprovals } from './seed-approvals.ts'
import { seedTraces } from './seed-traces.ts'
import { seed } from './seed.ts'

/** Set to keep a picture of every page, in both themes. */
const SHOTS = process.env['CONSOLE_SHOTS'] ?? ''

describe.skipIf(!hasBrowser)('the pages over a working server', () => {
  let browser: Browser
  let app: Awaited<ReturnType<typeof startTestApp>>
  let rolloutId = ''
  let experimentId = ''
  let batchJobId = ''
  let runIds: string[] = []
  let traceId = ''
  beforeAll(async () => {
    await buildConsole()
    ;[browser, app] = await Promise.all([
      openBrowser(),
      startTestApp({ TRESTLE_ROLLOUT_LOOK_MS: '500' }),
    ])
    ;({ rolloutId, batchJobId } = await seed(app.url, {
      requests: SHOTS === '' ? 800 : 4_000,
      scratch: app.dataDir,
    }))
    const client = createClient({ url: app.url })
    const { experiments = [] } = await client.tracking.searchExperiments({})
    experimentId = experiments.find((e) => e.name === 'fraud-training')?.experiment_id ?? ''
    const { runs = [] } = await client.tracking.searchRuns({ experiment_ids: [experimentId] })
    runIds = runs.map((run) => run.info.run_id)
    traceId = await seedTraces(app.url, experimentId)
    await seedApprovals(client)
  }, 180_000)
  afterAll(async () => {
    await browser.close()
    await app.stop()
  })

  test.for<'light' | 'dark'>(['light', 'dark'])(
    'every page shows what is there without a complaint of the browser, %s',
    { timeout: 120_000 },
    async (colorScheme) => {
      const { page, complaints, close } = await openPage(browser, { colorScheme })
      const pages: [name: string, path: string, sees: string][] = [
        ['overview', '/', 'fraud'],
        ['experiments', '/experiments', 'fraud-training'],
        ['experiment', `/experiments/${experimentId}`, 'deep-trees'],
        ['run', `/experiments/${experimentId}/runs/${runIds[0] ?? ''}`, 'learning_rate'],
        ['compare', `/experiments/${experimentId}/compare/${runIds.join('/')}`, 'learning_rate'],
        ['traces', `/experiments/${experimentId}/traces`, 'answer a question'],
        ['trace', `/experiments/${experimentId}/traces/${traceId}`, 'Feedback'],
        ['models', '/models', 'fraud'],
        ['model', '/models/fraud', '@champion'],
        ['version', '/models/fraud/1', 'country_mismatch'],
        ['lineage', '/lineage/model-version/fraud/1', 'fraud-inputs'],
        ['card', '/models/fraud/1/card', 'Model card'],
        ['compare-versions', '/models/fraud/compare/1/2', 'callers notice nothing'],
        ['features', '/features', 'customer_stats'],
        ['feature-view', '/features/customer_stats', 'avg_amount_30d'],
        ['endpoints', '/endpoints', 'fraud'],
        ['endpoint', '/endpoints/fraud', 'Requests per second'],
        ['rollouts', '/rollouts', 'fraud v2'],
        ['rollout', `/rollouts/${rolloutId}`, 'What happened'],
        ['batch', '/batch', 'done'],
        ['batch-job', `/batch/${batchJobId}`, 'Rows per second'],
        ['monitoring', '/monitoring', 'fraud-inputs'],
        ['monitor', '/monitoring/fraud-inputs', 'Drift per column'],
        ['costs', '/costs', 'Idle time'],
        ['settings', '/settings', 'API keys'],
        ['audit', '/settings/audit', 'serving.createEndpoint'],
      ]
      for (const [name, path, sees] of pages) {
        await page.goto(app.url + path)
        await page.locator('main').getByText(sees).first().waitFor()
        expect(await page.getByRole('alert').count(), `${path} shows a failure`).toBe(0)
        if (SHOTS !== '') {
          await mkdir(SHOTS, { recursive: true })
          await page.waitForTimeout(400)
          await page.screenshot({ path: `${SHOTS}/${name}-${colorScheme}.png`, fullPage: true })
        }
      }
      expect(complaints).toEqual([])
      await close()
    }
  )

  test('a person filters traces and looks into a span, and approves a version that waits', async () => {
    const { page, complaints, close } = await openPage(browser)
    await page.goto(`${app.url}/experiments/${experimentId}/traces`)
    await page.getByRole('textbox', { name: 'Filter' }).fill("status = 'ERROR'")
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByText('No trace matches').waitFor()
    await page.getByRole('textbox', { name: 'Filter' }).fill("status = 'OK'")
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByRole('link', { name: 'answer a question' }).click()
    await page.getByRole('button', { name: /look up/ }).click()
    await page.getByText('opening hours').waitFor()
    await page.goto(`${app.url}/models/fraud`)
    const approvals = page.getByRole('region', { name: 'Approvals' })
    await approvals.getByText('trained on October').waitFor()
    await approvals.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click()
    await page.getByText('Who asked does not review').waitFor()
    await approvals.getByRole('button', { name: 'Withdraw' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click()
    await approvals.getByText('withdrawn').waitFor()
    expect(complaints.filter((text) => !text.includes('403'))).toEqual([])
    await close()
  })

  test('a step of the lineage opens its own, and both versions are timed when a person asks', async () => {
    const { page, complaints, close } = await openPage(browser)
    await page.goto(`${app.url}/models/fraud/1`)
    await page.getByRole('link', { name: 'Lineage' }).click()
    const graph = page.locator('.lineage')
    await graph.getByRole('link', { name: /^Endpoint/ }).click()
    await page.getByRole('heading', { name: 'fraud Endpoint' }).waitFor()
    await page.getByText('Led to', { exact: true }).click()
    await graph.getByRole('link', { name: /^Run/ }).waitFor({ state: 'detached' })
    await graph.getByRole('link', { name: /^Monitor/ }).waitFor()
    await page.goto(`${app.url}/models/fraud/compare/1/2`)
    await page.getByRole('button', { name: 'Time both here' }).click()
    await page.getByText(/One row at a time on/).waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  test('an endpoint tells what its variants cost, and answers a prediction that a person tries', async () => {
    const { page, complaints, close } = await openPage(browser)
    await page.goto(`${app.url}/endpoints/fraud`)
    await page
      .getByRole('table', { name: 'Variants' })
      .getByText(/^\$0\.\d/)
      .first()
      .waitFor()
    await page.getByRole('tab', { name: 'Try it' }).click()
    await page.getByRole('button', { name: 'Predict' }).click()
    await page.locator('pre', { hasText: '"predictionId"' }).waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  test('an endpoint is made, gets a second variant, a share of the traffic for it, and is deleted, all by hand', async () => {
    const { page, complaints, close } = await openPage(browser)
    const shoot = async (name: string) => {
      if (SHOTS !== '') await page.screenshot({ path: `${SHOTS}/${name}.png` })
    }
    const choose = async (label: string, option: string) => {
      await page.getByRole('dialog').getByRole('combobox', { name: label }).click()
      await page.getByRole('option', { name: option, exact: true }).click()
    }
    await page.goto(`${app.url}/endpoints`)
    await page.getByRole('button', { name: 'New endpoint' }).click()
    await page.getByLabel('Name').fill('by-hand')
    await choose('Model', 'fraud')
    await choose('Version', '@champion, now version 1')
    await shoot('new-endpoint')
    await page.getByRole('button', { name: 'Load the model and create' }).click()
    await page.getByRole('heading', { name: 'by-hand' }).waitFor()

    await page.getByRole('button', { name: 'Add variant' }).click()
    await choose('Model', 'fraud')
    await choose('Version', 'version 2')
    await page.getByRole('button', { name: 'Load the model and add' }).click()
    const variants = page.getByRole('table', { name: 'Variants' })
    await variants.getByText('v2', { exact: true }).waitFor()

    await page.getByRole('button', { name: 'Change traffic' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('v2 answers').fill('25')
    await dialog.getByText('The answers add up to 125 %').waitFor()
    await dialog.getByLabel('v1 answers').fill('75')
    await shoot('change-traffic')
    await dialog.getByRole('button', { name: 'Change traffic' }).click()
    await variants.getByRole('row').filter({ hasText: 'v2' }).getByText('25 %').waitFor()

    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('table', { name: 'Endpoints' }).waitFor()
    await expect.poll(() => page.getByRole('link', { name: 'by-hand' }).count()).toBe(0)
    expect(complaints).toEqual([])
    await close()
  })

  test('a rollout is aborted only after it was confirmed, and then says who did it and why', async () => {
    const { page, complaints, close } = await openPage(browser)
    await page.goto(`${app.url}/rollouts/${rolloutId}`)
    await page.getByRole('button', { name: 'Abort' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Why').fill('the merchants complained')
    await dialog.getByRole('button', { name: 'Abort' }).click()
    await page
      .getByRole('listitem')
      .filter({ hasText: 'the merchants complained' })
      .first()
      .waitFor()
    expect(complaints).toEqual([])
    await close()
  })
})
