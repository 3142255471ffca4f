import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type TrestleClient } from '@trestle/sdk'
import { expect, test } from 'vitest'
import {
  completion,
  json,
  silence,
  startFakeBackend,
} from '../../src/modules/serving/llm/test/fake-backend.ts'
import { spawnServer } from '../support/process.ts'

async function until(isThere: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await isThere()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it never came')
}

const isBooked = async (client: TrestleClient, usd: string): Promise<boolean> =>
  (await client.costs.getCostReport({ groupBy: 'endpoint' })).rows[0]?.directUsd === usd

const ask = (url: string, max_tokens: number): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'chat',
      max_tokens,
      messages: [{ role: 'user', content: 'Hi' }],
    }),
  })

test(
  'kill -9 between reserve and settle: what was held is free again, what was spent counts, and the spend is told',
  { timeout: 60_000 },
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'trestle-budget-kill-'))
    const backend = await startFakeBackend()
    const told: string[] = []
    const receiver = createServer((request, response) => {
      request.setEncoding('utf8')
      let text = ''
      request.on('data', (chunk: string) => (text += chunk))
      request.on('end', () => {
        told.push(text)
        response.end()
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    let server = await spawnServer(dataDir)
    try {
      const before = createClient({ url: server.url })
      await before.serving.createEndpoint({
        name: 'chat',
        llm: {
          backends: [{ provider: 'openai', model: 'gpt-4o-mini', url: backend.url }],
          retries: 0,
        },
      })
      await before.monitoring.putReceiver({
        name: 'finance',
        kind: 'webhook',
        url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
      })
      await before.costs.putBudget({
        name: 'chat',
        endpoint: 'chat',
        period: 'month',
        usd: '0.01',
        hardStop: true,
      })
      backend.answerWith(json(completion('Yes.')), silence)
      // 12 tokens in and 3 out, at $0.15 and $0.60 a million.
      expect((await ask(server.url, 10_000)).status).toBe(200)
      await until(() => isBooked(before, '0.0000036'))

      const lost = ask(server.url, 10_000).catch(() => null)
      await until(() => backend.calls.length === 2)
      // $0.006 is held of $0.01: as much again does not fit.
      expect((await ask(server.url, 10_000)).status).toBe(429)
      await server.kill('SIGKILL')
      await lost

      server = await spawnServer(dataDir)
      const after = createClient({ url: server.url })
      backend.answerWith(json(completion('Yes.')))
      expect((await ask(server.url, 10_000)).status).toBe(200)
      await until(() => isBooked(after, '0.0000072'))
      const raised = await after.costs.putBudget({
        name: 'chat',
        endpoint: 'chat',
        period: 'month',
        usd: '0.000008',
        warnAt: 0.8,
      })
      expect(raised.spentUsd).toBe('0.0000072')
      await until(() => told.length > 0)
      expect(told[0]).toContain('The budget \\"chat\\" is 90 % spent')
    } finally {
      await server.kill('SIGKILL')
      receiver.closeAllConnections()
      receiver.close()
      await backend.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
)
