import { fileURLToPath } from 'node:url'
import { startTestApp } from '../../../../test/support/app.ts'
import type { AppOverrides } from '../../../app.ts'
import { fail } from '../../../platform/errors.ts'
import type { ModelSource, SignatureColumn } from '../model-source.ts'

/** The path of an ONNX file of `fixtures/`. */
export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}.onnx`, import.meta.url))

const floats = (...names: string[]): SignatureColumn[] =>
  names.map((name) => ({ name, type: 'float' }))

/** A small registry over the fixtures: `fraud/1`, `fraud/2` (with a signature), and every other fixture as version 1 of its own name. */
export const fixtureModels: ModelSource = {
  async resolve(_project, reference) {
    const [name = '', asked = '1'] = reference.split('/')
    const version = asked === 'latest' ? '1' : asked
    if (name === 'missing') throw fail('registry.model_not_found', `No model "${name}"`)
    if (name === 'fraud')
      return {
        name,
        version: Number(version),
        signature: { inputs: floats('amount', 'age', 'score'), outputs: [] },
        onnxPath: fixture(`fraud-${version}`),
      }
    return { name, version: Number(version), signature: null, onnxPath: fixture(name) }
  },
}

export type Reply = { status: number; headers: Headers; json: Record<string, unknown> }
export type TestServer = {
  url: string
  grpcPort: number | null
  dataDir: string
  stop: () => Promise<void>
  send: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>
  ) => Promise<Reply>
}

/** A server over the fixtures, and a way to talk to it. */
export async function startServing(
  overrides: AppOverrides = {},
  settings: Record<string, string> = {}
): Promise<TestServer> {
  const app = await startTestApp(settings, { models: fixtureModels, ...overrides })
  const send: TestServer['send'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${app.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      json: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
    }
  }
  return { ...app, send }
}
