import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@trestle/sdk'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { tableModel } from '../support/tiny-onnx.ts'

const VECTORS = { '[UNK]': [0, 0, 1], '[CLS]': [1, 1, 1], cat: [3, 0, 0], dog: [0, 4, 0] }
const vocab = Object.fromEntries(Object.keys(VECTORS).map((word, i) => [word, i]))
const TOKENIZER = {
  version: '1.0',
  added_tokens: [],
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { '[CLS]': { id: '[CLS]', ids: [1], tokens: ['[CLS]'] } },
  },
  decoder: null,
  model: { type: 'WordLevel', vocab, unk_token: '[UNK]' },
}

test(
  'a small transformer of a folder gives embeddings, however long the texts that it gets together',
  { timeout: 30_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trestle-embedder-'))
    await mkdir(join(folder, 'tiny'))
    await writeFile(join(folder, 'tiny', 'model.onnx'), tableModel(Object.values(VECTORS)))
    await writeFile(join(folder, 'tiny', 'tokenizer.json'), JSON.stringify(TOKENIZER))
    const app = await startTestApp({ TRESTLE_LOCAL_MODELS: folder })
    const client = createClient({ url: app.url })
    const openai = new OpenAI({
      baseURL: `${app.url}/v1`,
      apiKey: 'none',
      maxRetries: 0,
      defaultHeaders: { authorization: null },
    })
    try {
      const backend = (pooling: 'mean' | 'cls') => ({
        backends: [
          { model: 'tiny', contextTokens: 8, onnx: { folder: 'tiny', pooling, threads: 1 } },
        ],
      })
      await client.serving.createEndpoint({ name: 'mean', llm: backend('mean') })
      await client.serving.createEndpoint({ name: 'cls', llm: backend('cls') })

      const texts = ['Cat dog', 'cat cat cat dog dog', 'mouse']
      const { data, usage } = await openai.embeddings.create({ model: 'mean', input: texts })
      // [CLS] + words, summed and brought to length 1: (4, 5, 1), (10, 9, 1) and (1, 1, 2).
      const unit = (...of: number[]) => of.map((value) => value / Math.hypot(...of))
      const expected = [unit(4, 5, 1), unit(10, 9, 1), unit(1, 1, 2)]
      for (const [i, { embedding }] of data.entries())
        for (const [j, value] of embedding.entries())
          expect(value).toBeCloseTo(expected[i]?.[j] ?? 0, 6)
      expect(usage).toEqual({ prompt_tokens: 3 + 6 + 2, total_tokens: 11 })

      const first = await openai.embeddings.create({
        model: 'cls',
        input: 'cat',
        encoding_format: 'float',
      })
      for (const value of first.data[0]?.embedding ?? [0])
        expect(value).toBeCloseTo(1 / Math.sqrt(3), 6)

      // 40 calls at once are more than one batch.
      const many = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          openai.embeddings.create({ model: 'mean', input: i % 2 === 0 ? 'cat' : 'cat dog dog' })
        )
      )
      for (const [i, answer] of many.entries())
        expect(answer.data[0]?.embedding[1]).toBeCloseTo(
          i % 2 === 0 ? (unit(4, 1, 1)[1] ?? 0) : (unit(4, 9, 1)[1] ?? 0),
          6
        )

      await expect(
        openai.embeddings.create({ model: 'mean', input: 'cat '.repeat(9) })
      ).rejects.toMatchObject({
        status: 400,
        code: 'context_length_exceeded',
      })
      await expect(
        openai.chat.completions.create({
          model: 'mean',
          messages: [{ role: 'user', content: 'Hi' }],
        })
      ).rejects.toThrow('This model gives embeddings and nothing else')
      await expect(
        client.serving.createEndpoint({
          name: 'absent',
          llm: { backends: [{ model: 'x', onnx: { folder: 'absent' } }] },
        })
      ).rejects.toMatchObject({ code: 'serving.model_load_failed' })
    } finally {
      await app.stop()
      await rm(folder, { recursive: true })
    }
  }
)
