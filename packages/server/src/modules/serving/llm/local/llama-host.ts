/**
 * A GGUF model in a process of its own, which speaks OpenAI's protocol on loopback to whoever knows the secret. llama.cpp puts the tokens of all calls that
 * are under way into one batch at each step, so that a call never waits for the end of another.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { systemClock } from '../../../../kernel/clock.ts'
import { importBinding, type Token } from './binding.ts'
import { generate, maxTokensOf, samplingOf, stopsOf, type Generated } from './generate.ts'
import { listen, readJson, runHost, send } from './host.ts'
import type { HostSettings } from './local-models.ts'
import { promptOfChat, recordOf, Refusal, type Body } from './prompt-of-chat.ts'
import { createSlots } from './slots.ts'

runHost(serve)

async function serve(settings: HostSettings): Promise<void> {
  const binding = await importBinding()
  const llama = await binding.getLlama({
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: 'error',
    maxThreads: settings.threads,
  })
  const model = await llama.loadModel({ modelPath: settings.path })
  const context = await model.createContext({
    sequences: settings.parallel,
    contextSize: Math.min(settings.contextTokens, model.trainContextSize),
    threads: settings.threads,
  })
  const slots = createSlots(Array.from({ length: settings.parallel }, () => context.getSequence()))
  let embedder: ReturnType<typeof model.createEmbeddingContext> | null = null

  const complete = async (
    prompt: readonly Token[],
    body: Body,
    on: { signal: AbortSignal; say: (text: string) => void }
  ): Promise<Generated> => {
    const room = context.contextSize - prompt.length
    if (room < 1)
      throw new Refusal(
        `This model's maximum context length is ${context.contextSize} tokens; the prompt has ${prompt.length}`,
        400,
        'context_length_exceeded'
      )
    const sampling = await samplingOf({ binding, llama, model }, body)
    const sequence = await slots.take()
    try {
      if (on.signal.aborted) throw new Refusal('The caller left')
      return await generate(
        { model, sequence },
        {
          ...on,
          prompt,
          sampling,
          maxTokens: Math.min(room, maxTokensOf(body) ?? room),
          stops: stopsOf(body),
        }
      )
    } finally {
      slots.giveBack(sequence)
    }
  }

  const embed = async (body: Body): Promise<object> => {
    const { input } = body
    const texts: readonly unknown[] = Array.isArray(input) ? input : [input]
    embedder ??= model.createEmbeddingContext({ threads: settings.threads })
    const to = await embedder
    let tokens = 0
    const data: object[] = []
    for (const [index, text] of texts.entries()) {
      if (typeof text !== 'string') throw new Refusal('"input" must be a text, or a list of texts')
      tokens += model.tokenize(text).length
      const { vector } = await to.getEmbeddingFor(text)
      const bytes = Buffer.from(Float32Array.from(vector).buffer)
      const embedding = body['encoding_format'] === 'base64' ? bytes.toString('base64') : vector
      data.push({ object: 'embedding', index, embedding })
    }
    return {
      object: 'list',
      model: body['model'],
      data,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }
  }

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal
  ): Promise<void> => {
    const body = await readJson(request)
    const path = request.url ?? ''
    if (path === '/v1/embeddings') {
      send(response, await embed(body))
      return
    }
    const isChat = path === '/v1/chat/completions'
    if (!isChat && path !== '/v1/completions') throw new Refusal(`No ${path} here`, 404)
    const prompt = isChat
      ? promptOfChat(binding, model, body)
      : model.tokenize(typeof body['prompt'] === 'string' ? body['prompt'] : '')
    const head = {
      id: `${isChat ? 'chatcmpl' : 'cmpl'}-${crypto.randomUUID()}`,
      created: Math.floor(systemClock.now() / 1_000),
      model: body['model'],
    }
    const usageOf = ({ outputTokens, cachedTokens }: Generated) => ({
      prompt_tokens: prompt.length,
      completion_tokens: outputTokens,
      total_tokens: prompt.length + outputTokens,
      prompt_tokens_details: { cached_tokens: cachedTokens },
    })
    if (body['stream'] !== true) {
      let text = ''
      const done = await complete(prompt, body, { signal, say: (piece) => void (text += piece) })
      const said = isChat ? { message: { role: 'assistant', content: text } } : { text }
      send(response, {
        ...head,
        object: isChat ? 'chat.completion' : 'text_completion',
        choices: [{ index: 0, ...said, logprobs: null, finish_reason: done.finishReason }],
        usage: usageOf(done),
      })
      return
    }
    const object = isChat ? 'chat.completion.chunk' : 'text_completion'
    const event = (choices: object[], rest: object = {}): void => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${JSON.stringify({ ...head, object, choices, ...rest })}\n\n`)
    }
    const piece = (text: string, end: string | null): void =>
      event([
        { index: 0, ...(isChat ? { delta: { content: text } } : { text }), finish_reason: end },
      ])
    const done = await complete(prompt, body, { signal, say: (text) => piece(text, null) })
    event([
      { index: 0, ...(isChat ? { delta: {} } : { text: '' }), finish_reason: done.finishReason },
    ])
    if (recordOf(body['stream_options'])['include_usage'] === true)
      event([], { usage: usageOf(done) })
    response.end('data: [DONE]\n\n')
  }

  listen(settings, answer)
}
