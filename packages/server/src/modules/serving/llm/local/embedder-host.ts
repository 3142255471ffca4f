/** A small transformer of embeddings in a process of its own, run by ONNX Runtime. Texts that come while it works go through it as one batch. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as tokenizers from '@huggingface/tokenizers'
import type { Tensor } from 'onnxruntime-node'
import { listen, readJson, runHost, send } from './host.ts'
import type { HostSettings } from './local-models.ts'
import { pool, type Encoded } from './pool-vectors.ts'
import { Refusal, type Body } from './prompt-of-chat.ts'

runHost(serve)

/** What is used of the library, whose own types do not resolve under Node's rules. */
const { Tokenizer } = tokenizers as unknown as {
  Tokenizer: new (
    tokenizer: object,
    config: object
  ) => { encode(text: string): { ids: readonly number[] } }
}

const MAX_BATCH = 32
const MAX_WAITING = 10_000

type Job = Encoded & { resolve: (vector: Float32Array) => void; reject: (error: unknown) => void }

async function serve(settings: HostSettings): Promise<void> {
  const json = async (file: string): Promise<object> =>
    JSON.parse(await readFile(join(settings.path, file), 'utf8')) as object // the tokenizer checks it
  const tokenizer = new Tokenizer(
    await json('tokenizer.json'),
    await json('tokenizer_config.json').catch(() => ({}))
  )
  const ort = await import('onnxruntime-node')
  const session = await ort.InferenceSession.create(join(settings.path, 'model.onnx'), {
    intraOpNumThreads: settings.threads,
  })
  const waiting: Job[] = []
  let isBusy = false

  const run = async (jobs: readonly Job[]): Promise<void> => {
    const length = Math.max(...jobs.map(({ ids }) => ids.length))
    const filled = (of: (job: Job, i: number) => number): Tensor =>
      new ort.Tensor(
        'int64',
        BigInt64Array.from(
          jobs.flatMap((job) => Array.from({ length }, (_, i) => BigInt(of(job, i))))
        ),
        [jobs.length, length]
      )
    const feeds: Record<string, Tensor> = {}
    for (const name of session.inputNames)
      if (name === 'input_ids') feeds[name] = filled(({ ids }, i) => ids[i] ?? 0)
      else if (name === 'attention_mask')
        feeds[name] = filled(({ ids }, i) => Number(i < ids.length))
      else if (name === 'token_type_ids') feeds[name] = filled(() => 0)
      else throw new Error(`the model wants "${name}", which is no input of a text`)
    const outputs = await session.run(feeds)
    const [first] = session.outputNames
    const output = outputs['sentence_embedding'] ?? outputs[first ?? '']
    if (output?.type !== 'float32') throw new Error('the model gives no vectors of FP32')
    const vectors = pool(
      { data: output.data as Float32Array, dims: output.dims }, // of its type
      jobs,
      settings.pooling
    )
    for (const [i, job] of jobs.entries()) job.resolve(vectors[i] ?? new Float32Array())
  }
  const work = async (): Promise<void> => {
    if (isBusy) return
    isBusy = true
    while (waiting.length > 0) {
      const jobs = waiting.splice(0, MAX_BATCH)
      await run(jobs).catch((error: unknown) => {
        for (const { reject } of jobs) reject(error)
      })
    }
    isBusy = false
  }
  const embed = (text: unknown): { tokens: number; vector: Promise<Float32Array> } => {
    if (typeof text !== 'string') throw new Refusal('"input" must be a text, or a list of texts')
    const { ids } = tokenizer.encode(text)
    if (ids.length > settings.contextTokens)
      throw new Refusal(
        `This model's maximum context length is ${settings.contextTokens} tokens; the text has ${ids.length}`,
        400,
        'context_length_exceeded'
      )
    if (waiting.length >= MAX_WAITING)
      throw new Refusal('Too many texts wait for this model; try again soon', 503, 'overloaded')
    const vector = new Promise<Float32Array>((resolve, reject) =>
      waiting.push({ ids, resolve, reject })
    )
    return { tokens: ids.length, vector }
  }
  const answer = async (body: Body): Promise<object> => {
    const { input } = body
    if (body['dimensions'] !== undefined)
      throw new Refusal('This model has one number of dimensions; leave "dimensions" out')
    const asked = (Array.isArray(input) ? (input as unknown[]) : [input]).map(embed)
    setImmediate(() => void work())
    const vectors = await Promise.all(asked.map(({ vector }) => vector))
    const tokens = asked.reduce((sum, one) => sum + one.tokens, 0)
    return {
      object: 'list',
      model: body['model'],
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding:
          body['encoding_format'] === 'base64'
            ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
            : [...vector],
      })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }
  }

  listen(settings, async (request, response) => {
    if (request.url !== '/v1/embeddings')
      throw new Refusal('This model gives embeddings and nothing else', 404)
    send(response, await answer(await readJson(request)))
  })
}
