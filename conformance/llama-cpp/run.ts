/** A GGUF model with random weights, run by `node-llama-cpp` in a process of its own, behind OpenAI's unmodified client. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@trestle/sdk'
import OpenAI from 'openai'
import { startServer } from '../lib/server.ts'
import { llamaFolder } from './install.ts'
import { writeTinyGguf } from './tiny-gguf.ts'

let passed = 0
let failed = 0
async function check(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const is = await isTrue().catch((error: unknown) => {
    console.log(String(error))
    return false
  })
  console.log(`${is ? 'ok' : 'FAILED'}: ${what}`)
  if (is) passed++
  else failed++
}

const dataDir = await mkdtemp(join(tmpdir(), 'trestle-llama-'))
await mkdir(join(dataDir, 'local-models'))
writeTinyGguf(join(dataDir, 'local-models', 'tiny.gguf'))
const server = await startServer(dataDir, {}, await llamaFolder())
const trestle = createClient({ url: server.url })
const { secret } = await trestle.identity.createKey({ name: 'client', role: 'viewer' })
const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: secret, maxRetries: 0 })

const gguf = (contextTokens: number) => ({
  model: 'tiny',
  contextTokens,
  gguf: { file: 'tiny.gguf', parallel: 2, threads: 1 },
})
const say = (content: string, max_tokens: number) => ({
  model: 'tiny',
  messages: [{ role: 'user' as const, content }],
  max_tokens,
  temperature: 0,
})
const textOf = (answer: OpenAI.ChatCompletion): string => answer.choices[0]?.message.content ?? ''

try {
  await check('a file that is no model is refused when it is named, with the reason', async () => {
    const wrong = { backends: [{ model: 'x', gguf: { file: 'absent.gguf' } }] }
    const error: unknown = await trestle.serving
      .createEndpoint({ name: 'wrong', llm: wrong })
      .catch((thrown: unknown) => thrown)
    return error instanceof Error && error.message.includes("absent.gguf can't be served")
  })

  await trestle.serving.createEndpoint({ name: 'tiny', llm: { backends: [gguf(256)] } })

  await check('an answer ends at its limit, and its usage adds up', async () => {
    const { choices, usage } = await openai.chat.completions.create(say('hello', 20))
    return (
      choices[0]?.finish_reason === 'length' &&
      usage?.completion_tokens === 20 &&
      usage.prompt_tokens > 5 &&
      usage.total_tokens === usage.prompt_tokens + 20
    )
  })

  await check('a stream says what a whole answer says, and its usage is the same', async () => {
    const whole = await openai.chat.completions.create(say('tell me', 40))
    let text = ''
    let usage: OpenAI.CompletionUsage | null | undefined
    const stream = await openai.chat.completions.create({
      ...say('tell me', 40),
      stream: true,
      stream_options: { include_usage: true },
    })
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      usage = chunk.usage ?? usage
    }
    return (
      text === textOf(whole) &&
      text !== '' &&
      usage?.total_tokens === whole.usage?.total_tokens &&
      // The sequence that answered first knows the prompt.
      (usage?.prompt_tokens_details?.cached_tokens ?? 0) > 10
    )
  })

  await check(
    'a short call that comes later is done before a long one: they share their steps',
    async () => {
      const order: string[] = []
      const stream = await openai.chat.completions.create({ ...say('long', 200), stream: true })
      let short: Promise<unknown> | null = null
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content === undefined) continue
        short ??= openai.chat.completions.create(say('short', 3)).then(() => order.push('short'))
      }
      order.push('long')
      await short
      return order.join() === 'short,long'
    }
  )

  await check('more calls than places all get their answer', async () => {
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, i) => openai.chat.completions.create(say(`call ${i}`, 8)))
    )
    return all.every(({ usage }) => usage?.completion_tokens === 8)
  })

  await check('a stop text ends an answer and is not said', async () => {
    const whole = textOf(await openai.chat.completions.create(say('stop here', 40)))
    const stop = whole.slice(10, 13)
    const cut = await openai.chat.completions.create({ ...say('stop here', 40), stop })
    return (
      textOf(cut) === whole.slice(0, whole.indexOf(stop)) &&
      cut.choices[0]?.finish_reason === 'stop'
    )
  })

  await check('a schema is kept, whatever the weights say', async () => {
    const answer = await openai.chat.completions.create({
      ...say('which?', 60),
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'c',
          schema: { type: 'object', properties: { color: { enum: ['red', 'blue'] } } },
        },
      },
    })
    const { color } = JSON.parse(textOf(answer)) as { color: string }
    return color === 'red' || color === 'blue'
  })

  await check('a prompt that is too long is refused in OpenAI’s words', async () => {
    const error: unknown = await openai.chat.completions
      .create(say('word '.repeat(400), 5))
      .catch((thrown: unknown) => thrown)
    return (
      error instanceof OpenAI.BadRequestError &&
      error.code === 'context_length_exceeded' &&
      /maximum context length is 256 tokens/.test(error.message)
    )
  })

  await check('and goes to a backend with more context when there is one', async () => {
    await trestle.serving.createEndpoint({ name: 'two', llm: { backends: [gguf(256), gguf(512)] } })
    const { data, response } = await openai.chat.completions
      .create({ ...say('word '.repeat(60), 5), model: 'two' })
      .withResponse()
    return response.headers.get('x-trestle-attempts') === '2' && data.usage?.completion_tokens === 5
  })

  await check('texts become vectors, the same text the same vector', async () => {
    const { data, usage } = await openai.embeddings.create({
      model: 'tiny',
      input: ['cat', 'dog', 'cat'],
    })
    const [a, b, c] = data.map(({ embedding }) => embedding)
    return (
      a?.length === 32 &&
      String(a) === String(c) &&
      String(a) !== String(b) &&
      usage.prompt_tokens > 0
    )
  })

  await check('tools and pictures are refused, not ignored', async () => {
    const tool = { type: 'function' as const, function: { name: 'f', parameters: {} } }
    const error: unknown = await openai.chat.completions
      .create({ ...say('x', 5), tools: [tool] })
      .catch((thrown: unknown) => thrown)
    return error instanceof OpenAI.BadRequestError && error.message.includes('calls no tools')
  })

  await check('a caller that leaves frees its place', async () => {
    for (let i = 0; i < 4; i++) {
      const stream = await openai.chat.completions.create({ ...say('leave', 200), stream: true })
      for await (const _ of stream) break
    }
    return (await openai.chat.completions.create(say('after', 3))).usage?.completion_tokens === 3
  })

  if (process.platform === 'linux')
    await check(
      'its process may be killed: the server lives on, and the next call starts it anew',
      async () => {
        const children = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
        for (const pid of children.trim().split(' ')) {
          const command = await readFile(`/proc/${pid}/cmdline`, 'utf8')
          if (command.includes('llama-host')) process.kill(Number(pid), 'SIGKILL')
        }
        await new Promise((resolve) => setTimeout(resolve, 100))
        return (
          (await openai.chat.completions.create(say('again', 3))).usage?.completion_tokens === 3
        )
      }
    )

  await check('its time is on the bill of the CPU', async () => {
    for (let i = 0; i < 50; i++) {
      const { rows } = await trestle.costs.getCostReport({ groupBy: 'endpoint' })
      const row = rows.find(({ group }) => group['endpoint'] === 'tiny')
      if (row !== undefined && row.busySeconds > 0 && Number(row.directUsd) > 0) return true
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return false
  })
} finally {
  await server.stop()
  await rm(dataDir, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
