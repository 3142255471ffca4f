/** Triton's own Python clients against the server of this suite, over models registered and served through the public API. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createClient } from '@trestle/sdk'
import { pythonWith } from '../lib/python.ts'
import { runScript } from '../lib/script.ts'
import { startProviders } from '../openai/upstream.ts'

const url = process.env['TRESTLE_URL'] ?? ''
const grpc = process.env['TRESTLE_GRPC'] ?? ''
const fixtures = new URL('../../packages/server/src/modules/serving/fixtures/', import.meta.url)
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** Which fixture each endpoint serves. */
const MODELS = {
  simple: 'simple.onnx',
  identities: 'identities.onnx',
  text: 'text.onnx',
  fraud: 'fraud-1.onnx',
}

const client = createClient({ url })
for (const [name, file] of Object.entries(MODELS)) {
  const version = await client.uploadModel(name, await readFile(new URL(file, fixtures)))
  await client.serving.createEndpoint({ name, model: `${name}/${version.version}` })
}
const providers = await startProviders()
await client.serving.createEndpoint({
  name: 'llm',
  llm: { backends: [{ provider: 'openai', model: 'gpt-4o-mini', url: providers.url }] },
})
const python = await pythonWith(pathOf('requirements.txt'))
const { passed, failed } = await runScript(
  python,
  ['-u', pathOf('test_tritonclient.py'), '--http', new URL(url).host, '--grpc', grpc],
  {}
)
providers.stop()
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
