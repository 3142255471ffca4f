import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { buildConsole, hasBrowser, openBrowser, openPage } from './browser.ts'

if (!hasBrowser) console.warn('No Chromium here: the console’s browser tests are skipped.')

describe.skipIf(!hasBrowser)('the console in a browser', () => {
  let browser: Browser
  let app: Awaited<ReturnType<typeof startTestApp>>
  beforeAll(async () => {
    await buildConsole()
    ;[browser, app] = await Promise.all([openBrowser(), startTestApp()])
  }, 90_000)
  afterAll(async () => {
    await browser.close()
    await app.stop()
  })

  test('a new key is shown once, and its secret nowhere after that', async () => {
    const { page, complaints, close } = await openPage(browser)
    await page.goto(`${app.url}/settings/keys`)
    await page.getByRole('button', { name: 'New key' }).click()
    await page.getByLabel('Name').fill('ci')
    await page.getByRole('button', { name: 'Create key' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('It is not shown again.').waitFor()
    const secret = (await dialog.locator('pre').first().textContent()) ?? ''
    expect(secret.length).toBeGreaterThan(20)
    const answer = await fetch(`${app.url}/api/me`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    expect(await answer.json()).toMatchObject({ actor: expect.stringContaining('ci') as unknown })

    await dialog.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByRole('cell', { name: 'ci', exact: true }).waitFor()
    await page.reload()
    await page.getByRole('cell', { name: 'ci', exact: true }).waitFor()
    expect(await page.content()).not.toContain(secret)
    expect(complaints).toEqual([])
    await close()
  })

  test('the theme that a person chose stays after a reload', async () => {
    const { page, complaints, close } = await openPage(browser)
    await page.goto(`${app.url}/settings`)
    const canvas = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    const light = await canvas()
    await page.getByRole('button', { name: 'Theme' }).click()
    await page.getByRole('menuitem', { name: 'Dark' }).click()
    await expect.poll(canvas).not.toBe(light)
    await page.reload()
    await page.getByRole('heading', { name: 'Settings' }).waitFor()
    expect(await canvas()).not.toBe(light)
    expect(complaints).toEqual([])
    await close()
  })

  test('an address without a page says so and leads back', async () => {
    const { page, complaints, close } = await openPage(browser)
    await page.goto(`${app.url}/no/such/page`)
    await page.getByRole('heading', { name: 'No such page' }).waitFor()
    await page.getByRole('link', { name: 'Go to the overview' }).click()
    await page.waitForURL(`${app.url}/`)
    expect(complaints).toEqual([])
    await close()
  })

  test('a failed reading shows its request id, and trying again mends it', async () => {
    const { page, complaints, close } = await openPage(browser, { expectedStatuses: [500] })
    await page.route('**/api/projects', (route) =>
      route.fulfill({
        status: 500,
        contentType: 'application/problem+json',
        body: JSON.stringify({
          type: 'about:blank',
          title: 'Something went wrong on our side',
          status: 500,
          detail: 'The disk is full',
          code: 'internal.unexpected',
          requestId: 'req_test_1',
        }),
      })
    )
    await page.goto(`${app.url}/settings/projects`)
    const alert = page.getByRole('alert')
    await alert.getByText('The disk is full').waitFor()
    await alert.getByText('req_test_1').waitFor()
    await page.unroute('**/api/projects')
    await alert.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('table', { name: 'Projects' }).waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  test('a server that asks for a key gets one from the login page, and a wrong one is told apart', async () => {
    const adminKey = 'an-admin-key-of-the-test-0123456789'
    const locked = await startTestApp({ TRESTLE_AUTH: 'required', TRESTLE_ADMIN_KEY: adminKey })
    const { page, complaints, close } = await openPage(browser, { expectedStatuses: [401] })
    try {
      await page.goto(`${locked.url}/settings/projects`)
      await page.getByLabel('API key').fill('wrong')
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.getByText('not known, revoked or expired').waitFor()
      await page.getByLabel('API key').fill(adminKey)
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.getByRole('table', { name: 'Projects' }).waitFor()
      await page.reload()
      await page.getByRole('table', { name: 'Projects' }).waitFor()
      await page.getByRole('button', { name: 'Log out' }).click()
      await page.getByRole('heading', { name: 'Log in to Trestle' }).waitFor()
      expect(complaints).toEqual([])
    } finally {
      await close()
      await locked.stop()
    }
  })
})
