import { mkdir } from 'node:fs/promises'
import { createClient } from '@trestle/sdk'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  completion,
  json,
  startFakeBackend,
  stream,
  type FakeBackend,
} from '../../src/modules/serving/llm/test/fake-backend.ts'
import { recorded } from '../../src/modules/serving/llm/test/recorded.ts'
import { startTestApp } from '../support/app.ts'
import { buildConsole, hasBrowser, openBrowser, openPage } from './browser.ts'

const SHOTS = process.env['CONSOLE_SHOTS'] ?? ''

describe.skipIf(!hasBrowser)('the pages of an LLM endpoint', () => {
  let browser: Browser
  let app: Awaited<ReturnType<typeof startTestApp>>
  let backend: FakeBackend
  beforeAll(async () => {
    await buildConsole()
    backend = await startFakeBackend()
    ;[browser, app] = await Promise.all([openBrowser(), startTestApp()])
  }, 180_000)
  afterAll(async () => {
    await browser.close()
    await app.stop()
    await backend.stop()
  })

  const shot = async (page: { screenshot: (o: object) => Promise<unknown> }, name: string) => {
    if (SHOTS === '') return
    await mkdir(SHOTS, { recursive: true })
    await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true })
  }

  test('an LLM is connected by hand, answers in the playground as it is written, and is on the bill by customer', async () => {
    const { page, complaints, close } = await openPage(browser)
    await page.goto(`${app.url}/endpoints`)
    await page.getByRole('button', { name: 'New endpoint' }).first().click()
    await page.getByLabel('Name').fill('chat')
    await page.getByText('LLM', { exact: true }).click()
    await page.getByPlaceholder('gpt-4o-mini').fill('gpt-4o-mini')
    await page.getByLabel('URL').fill(backend.url)
    await shot(page, 'llm-dialog')
    await page.getByRole('button', { name: 'Connect and create' }).click()
    await page.getByRole('heading', { name: /^chat/ }).waitFor()

    backend.answerWith(
      stream(
        recorded('openai-chat')
          .toString()
          .split(/(?<=\n\n)/),
        20
      )
    )
    await page.getByRole('tab', { name: 'Try it' }).click()
    await page.getByRole('button', { name: 'Ask' }).click()
    await page.getByText('Grüße aus 東京! Zeile').waitFor()
    await page.getByText('1248 tokens in, 10 out').waitFor()
    await shot(page, 'llm-playground')

    backend.answerWith(json(completion('Hello.')))
    await createClient({ url: app.url }).costs.putBudget({
      name: 'acme-month',
      tag: 'acme',
      period: 'month',
      usd: '50',
      hardStop: true,
    })
    for (let i = 0; i < 20; i++)
      await fetch(`${app.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'x-trestle-tag': i % 3 === 0 ? 'globex' : 'acme' },
        body: JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'Hi' }] }),
      })
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await page.goto(`${app.url}/costs`)
    const table = page.getByRole('table', { name: 'LLM calls' })
    await table.getByText('acme').waitFor()
    await table.getByText('globex').waitFor()
    await shot(page, 'llm-costs')
    expect(complaints).toEqual([])
    await close()
  })
})
