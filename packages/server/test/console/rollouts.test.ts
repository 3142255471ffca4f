import { createClient, type TrestleClient } from '@trestle/sdk'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { sendLookups, uploadLookups } from '../rollouts/lookups.ts'
import { startTestApp } from '../support/app.ts'
import { buildConsole, hasBrowser, openBrowser, openPage } from './browser.ts'

const SHOTS = process.env['CONSOLE_SHOTS'] ?? ''

describe.skipIf(!hasBrowser)('rollouts in the console', () => {
  let browser: Browser
  let app: Awaited<ReturnType<typeof startTestApp>>
  let client: TrestleClient
  let load: ReturnType<typeof sendLookups>
  beforeAll(async () => {
    await buildConsole()
    ;[browser, app] = await Promise.all([
      openBrowser(),
      startTestApp({ TRESTLE_ROLLOUT_LOOK_MS: '300' }),
    ])
    client = createClient({ url: app.url })
    await uploadLookups(client)
    await client.serving.createEndpoint({ name: 'numbers', model: 'lookup/1' })
    load = sendLookups(app.url, 'numbers', { atOnce: 2, pauseMs: 5 })
  }, 120_000)
  afterAll(async () => {
    await load.stop()
    await browser.close()
    await app.stop()
  })

  test(
    'a rollout is begun by hand, tells its story as it goes, waits for a person, and ends',
    { timeout: 90_000 },
    async () => {
      const { page, complaints, close } = await openPage(browser)
      const shoot = async (name: string) => {
        if (SHOTS !== '') await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true })
      }
      const dialog = page.getByRole('dialog')
      const choose = async (label: string, option: string) => {
        await dialog.getByRole('combobox', { name: label }).click()
        await page.getByRole('option', { name: option, exact: true }).click()
      }
      await page.goto(`${app.url}/rollouts`)
      await page.getByRole('button', { name: 'New rollout' }).click()
      await choose('Endpoint', 'numbers')
      await choose('Model', 'lookup')
      await choose('Version', 'version 2')
      await dialog.getByRole('radio', { name: /^Canary/ }).click()
      await dialog.getByLabel('Steps, in %').fill('50, 20')
      await dialog.getByText('Every step must carry more').waitFor()
      await dialog.getByLabel('Steps, in %').fill('20, 50')
      await dialog.getByLabel('Minutes per step').fill('0')
      await dialog.getByLabel('Requests, at least').fill('40')
      await dialog.getByLabel('A person approves each step').check()
      await choose('Add a gate', 'error rate')
      await choose('Add a gate', 'output schema')
      await dialog.getByLabel('Margin of error rate').fill('0.1')
      await dialog.getByLabel('Margin of output schema').fill('0.1')
      await dialog.getByLabel('Then move the alias').fill('champion')
      await shoot('new-rollout')
      await dialog.getByRole('button', { name: 'Load the model and begin' }).click()
      await page.getByRole('heading', { name: /lookup v2 → numbers/ }).waitFor()

      for (let step = 0; step < 2; step++) {
        await page.getByRole('button', { name: 'Approve' }).click()
        await dialog.getByLabel('Why').fill(`looked at step ${step + 1}`)
        await dialog.getByRole('button', { name: 'Approve' }).click()
        await page
          .getByText(`looked at step ${step + 1}`)
          .first()
          .waitFor()
        await shoot(`rollout-step-${step + 1}`)
      }
      await page.getByRole('button', { name: 'Promote now' }).click()
      await dialog.getByRole('button', { name: 'Promote now' }).click()
      const story = page.getByRole('region', { name: 'What happened' })
      await story.getByText('Promoted by hand').waitFor({ timeout: 15_000 })
      await story.locator('summary').first().click()
      await story.getByText('critical', { exact: true }).count()
      await shoot('rollout-story')
      expect(await page.getByRole('list', { name: 'Steps' }).getByRole('listitem').count()).toBe(4)
      expect(complaints).toEqual([])
      await close()
    }
  )

  test(
    'a version that fails is told as one: the breaker, the way back, and who did it',
    { timeout: 60_000 },
    async () => {
      const { id } = await client.rollouts.createRollout({
        endpoint: 'numbers',
        model: 'lookup/3',
        strategy: { kind: 'canary', steps: [{ weightPercent: 50, bakeMs: 60_000 }] },
        replace: true,
      })
      await vi.waitFor(
        async () => expect((await client.rollouts.getRollout({ id })).phase).toBe('rolled-back'),
        { timeout: 30_000, interval: 100 }
      )
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, complaints, close } = await openPage(browser, { colorScheme })
        await page.goto(`${app.url}/rollouts/${id}`)
        const story = page.getByRole('region', { name: 'What happened' })
        await story.getByText(/Circuit breaker|Rolling back/).waitFor()
        await story.getByText('controller', { exact: true }).first().waitFor()
        if (SHOTS !== '')
          await page.screenshot({ path: `${SHOTS}/rolled-back-${colorScheme}.png`, fullPage: true })
        expect(complaints).toEqual([])
        await close()
      }
    }
  )

  test(
    'a freeze window is added and removed by hand, and a policy is shown',
    { timeout: 60_000 },
    async () => {
      await client.rollouts.putPolicy({
        endpoint: 'numbers',
        model: 'lookup',
        on: { alias: 'champion' },
      })
      const { page, complaints, close } = await openPage(browser)
      await page.goto(`${app.url}/rollouts`)
      await page.getByRole('table', { name: 'Policies' }).getByText('@champion').waitFor()
      await page.getByRole('button', { name: 'Add' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Name').fill('weekends')
      await dialog.getByLabel('Why').fill('nobody is there')
      if (SHOTS !== '') await page.screenshot({ path: `${SHOTS}/new-freeze.png` })
      await dialog.getByRole('button', { name: 'Add' }).click()
      const windows = page.getByRole('table', { name: 'Freeze windows' })
      await windows.getByText('fri, sat, sun 18:00 to 08:00').waitFor()
      if (SHOTS !== '')
        await page.screenshot({ path: `${SHOTS}/rollouts-page.png`, fullPage: true })
      await windows.getByRole('button', { name: 'Remove' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
      await page.getByText('None: rollouts go on at any time.').waitFor()
      expect(complaints).toEqual([])
      await close()
    }
  )
})
