/** The clients of OpenAI (npm, Python) and Anthropic (Python), unmodified, against this server over recorded providers. */
import { fileURLToPath } from 'node:url'
import { createClient } from '@trestle/sdk'
import { pythonWith } from '../lib/python.ts'
import { runScript, type Count } from '../lib/script.ts'
import { checkNpmClient } from './npm-client.ts'
import { startProviders } from './upstream.ts'

const url = process.env['TRESTLE_URL'] ?? ''
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

const providers = await startProviders()
const client = createClient({ url })
await client.serving.createEndpoint({
  name: 'chat',
  llm: { backends: [{ provider: 'openai', model: 'gpt-4o-mini', url: providers.url }] },
})
await client.serving.createEndpoint({
  name: 'claude',
  llm: { backends: [{ provider: 'anthropic', model: 'claude-sonnet-4-5', url: providers.url }] },
})
await client.costs.putBudget({
  name: 'nothing-left',
  tag: 'broke',
  period: 'month',
  usd: '0',
  hardStop: true,
})

const { secret } = await client.identity.createKey({ name: 'clients', role: 'viewer' })
const total: Count = await checkNpmClient({ url, secret }, providers.seen)
const python = await pythonWith(pathOf('requirements.txt'))
for (const script of ['test_openai.py', 'test_anthropic.py']) {
  const { passed, failed } = await runScript(python, ['-u', pathOf(script)], {
    TRESTLE_URL: url,
    TRESTLE_API_KEY: secret,
  })
  total.passed += passed
  total.failed += failed
}

// What the clients did is on the bill, to the last digit.
let isBilled = false
for (let i = 0; i < 50 && !isBilled; i++) {
  const { rows } = await client.costs.getCostReport({ groupBy: 'model' })
  const row = rows.find(({ group }) => group['model'] === 'openai:gpt-4o-mini')
  isBilled = row !== undefined && row.requests > 10 && Number(row.directUsd) > 0
  await new Promise((resolve) => setTimeout(resolve, 100))
}
console.log(`${isBilled ? 'ok' : 'FAILED'}: the calls are on the bill`)
if (isBilled) total.passed++
else total.failed++

providers.stop()
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed === 0 ? 0 : 1)
