import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createRng } from '@trestle/stats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { createClient } from '@trestle/sdk'
import { hasBrowser, openBrowser, openPage } from './browser.ts'

/** Runs in the page: the least ratio of contrast (WCAG 2.2) between a text and what is behind it. */
const LEAST_CONTRAST = `(() => {
    const canvas = document
      .createElement('canvas')
      .getContext('2d', { willReadFrequently: true })
    if (canvas === null) throw new Error('no canvas')
    const light = (color) => {
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = color
      canvas.fillRect(0, 0, 1, 1)
      const [r = 0, g = 0, b = 0] = Array.from(canvas.getImageData(0, 0, 1, 1).data, (v) => {
        const c = v / 255
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    let least = { ratio: 99, text: '' }
    for (const element of document.querySelectorAll('main *')) {
      const isText = [...element.childNodes].some(
        (n) => n.nodeType === 3 && n.textContent?.trim()
      )
      if (!isText || element.getClientRects().length === 0) continue
      let behind = element
      const clear = 'rgba(0, 0, 0, 0)'
      while (behind !== null && getComputedStyle(behind).backgroundColor === clear)
        behind = behind.parentElement
      const [a, b] = [
        light(getComputedStyle(element).color),
        light(getComputedStyle(behind ?? document.body).backgroundColor),
      ]
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
      if (ratio < least.ratio) least = { ratio, text: element.textContent ?? '' }
    }
    return least
  })()`

describe.skipIf(!hasBrowser)('the page of a drift report', () => {
  let folder: string
  let url: string
  let browser: Awaited<ReturnType<typeof openBrowser>>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trestle-report-page-'))
    browser = await openBrowser()
    const app = await startTestApp()
    const rng = createRng(1)
    const rows = (shift: number) =>
      Array.from({ length: 400 }, () => ({
        amount: rng() + shift,
        steady: rng(),
        channel: rng() < 0.5 + shift / 3 ? 'web' : 'app',
        constant: null,
      }))
    const { html } = await createClient({ url: app.url }).monitoring.compareDrift({
      reference: { kind: 'rows', name: 'training', rows: rows(0) },
      current: { kind: 'rows', name: 'last week', rows: rows(1) },
    })
    await app.stop()
    await writeFile(join(folder, 'report.html'), html)
    url = pathToFileURL(join(folder, 'report.html')).href
  })
  afterAll(async () => {
    await browser.close()
    await rm(folder, { recursive: true, force: true })
  })

  test.each(['light', 'dark'] as const)(
    'reads well in %s: every text stands out from what is behind it',
    async (colorScheme) => {
      const { page, complaints, close } = await openPage(browser, { colorScheme })
      await page.goto(url)
      const worst = await page.evaluate<{ ratio: number; text: string }>(LEAST_CONTRAST)
      expect(worst.ratio, worst.text).toBeGreaterThan(4.5)
      expect(complaints).toEqual([])
      await close()
    }
  )

  test('tells the verdict, draws what drifted, and finds columns by name and state', async () => {
    const { page, close } = await openPage(browser)
    await page.goto(url)
    expect(await page.getByRole('region', { name: 'Verdict' }).textContent()).toContain(
      '2 of 4 columns drifted'
    )
    expect(await page.locator('.card h3').allTextContents()).toEqual(['amount', 'channel'])
    expect(await page.getByRole('img', { name: 'amount: distribution' }).count()).toBe(2)
    const shown = page.locator('#columns tbody tr:visible')
    await page.getByRole('button', { name: 'No drift' }).click()
    expect(await shown.count()).toBe(1)
    await page.getByRole('button', { name: 'All' }).click()
    await page.getByLabel('Find a column').fill('amo')
    expect(await shown.allTextContents()).toEqual([expect.stringContaining('amount')])
    await close()
  })
})
