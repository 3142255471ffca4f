import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { examplesCsv } from './csv.ts'
import { DEFAULT_DATASET, makeDataset } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { MODEL_COLUMNS } from './features.ts'

const models = new URL('../models/', import.meta.url)
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const metrics = z
  .object({
    input: z.object({ columns: z.array(z.string()) }),
    data: z.record(z.string(), z.object({ rows: z.number(), sha256: z.string() })),
    golden: z.object({
      transaction_ids: z.array(z.string()),
      inputs: z.array(z.array(z.number())),
    }),
    models: z.record(
      z.string(),
      z.object({
        sha256: z.string(),
        golden_scores: z.array(z.number()),
        live: z.object({ auc: z.number(), mean_score: z.number() }),
        validation: z.object({ auc: z.number() }),
      })
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('metrics.json', models), 'utf8')))
const named = (name: string) => metrics.models[name]!

let dataset: Dataset
beforeAll(() => {
  dataset = makeDataset(DEFAULT_DATASET)
})

async function predict(name: string, inputs: readonly (readonly number[])[]) {
  const session = await InferenceSession.create(readFileSync(new URL(`${name}.onnx`, models)))
  const dims = [inputs.length, MODEL_COLUMNS.length]
  const output = await session.run({ input: new Tensor('float32', inputs.flat(), dims) })
  await session.release()
  const { label, score } = output
  return {
    outputs: session.outputNames,
    dims: score!.dims,
    label: Array.from(label!.data, Number),
    score: Array.from(score!.data, Number),
  }
}

describe('the data the models were trained on', () => {
  test('comes out of the simulator again, byte for byte', () => {
    expect(sha256(examplesCsv(dataset.training))).toBe(metrics.data['training.csv']?.sha256)
    expect(sha256(examplesCsv(dataset.careless))).toBe(
      metrics.data['training_careless.csv']?.sha256
    )
    expect(sha256(examplesCsv(dataset.live))).toBe(metrics.data['live.csv']?.sha256)
  })

  test('has the columns of the models in their order, and golden rows are live payments', () => {
    expect(metrics.input.columns).toEqual([...MODEL_COLUMNS])
    metrics.golden.transaction_ids.forEach((id, index) => {
      const example = dataset.live.find(({ transaction }) => transaction.transaction_id === id)
      expect(metrics.golden.inputs[index]).toEqual(example?.input.map(Math.fround))
    })
  })

  test('the careless export knows of disputes before they happen', () => {
    const column = MODEL_COLUMNS.indexOf('customer_stats__disputes_30d')
    const meanOnFraud = (rows: Dataset['training']) => {
      const frauds = rows.filter(({ transaction }) => transaction.label.is_fraud === 1)
      return frauds.reduce((sum, { input }) => sum + input[column]!, 0) / frauds.length
    }
    expect(meanOnFraud(dataset.careless)).toBeGreaterThan(meanOnFraud(dataset.training) + 0.3)
  })
})

describe.each(['v1', 'v2', 'v3'])('%s', (name) => {
  const bytes = readFileSync(new URL(`${name}.onnx`, models))

  test('is the file that metrics.json speaks of', () => {
    expect(sha256(bytes)).toBe(named(name).sha256)
    expect(bytes.length).toBeLessThan(300_000)
  })

  test('gives the golden scores, and labels at one half', async () => {
    const { inputs } = metrics.golden
    const { outputs, dims, label, score } = await predict(name, inputs)
    expect(outputs).toEqual(['label', 'score'])
    expect(dims).toEqual([inputs.length])
    score.forEach((value, index) => expect(value).toBeCloseTo(named(name).golden_scores[index]!, 5))
    expect(label).toEqual(score.map((value) => Number(value > 0.5)))
  })
})

describe('on live traffic', () => {
  const onLive = async (name: string) => {
    const labels = dataset.live.map(({ transaction }) => transaction.label.is_fraud)
    const { score } = await predict(
      name,
      dataset.live.map(({ input }) => input)
    )
    return { score, auc: auc(labels, score), mean: mean(score) }
  }

  test.each(['v1', 'v2', 'v3'])('%s scores as metrics.json says', async (name) => {
    const { auc, mean } = await onLive(name)
    expect(auc).toBeCloseTo(named(name).live.auc, 3)
    expect(mean).toBeCloseTo(named(name).live.mean_score, 3)
  })

  test('v2 beats v1, and v3, the best in validation, is the worst by far', async () => {
    const [v1, v2, v3] = [await onLive('v1'), await onLive('v2'), await onLive('v3')]
    expect(v2.auc).toBeGreaterThan(v1.auc + 0.01)
    expect(named('v3').validation.auc).toBeGreaterThan(named('v2').validation.auc)
    expect(v3.auc).toBeLessThan(v1.auc - 0.1)
    expect(v3.mean).toBeGreaterThan(2 * v1.mean)
  })
})

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Mann–Whitney: the chance that a fraud scores above an honest payment, ties counting half. */
function auc(labels: readonly number[], scores: readonly number[]): number {
  const order = scores.map((score, index) => ({ score, label: labels[index]! }))
  order.sort((a, b) => a.score - b.score)
  let [rankSum, start] = [0, 0]
  while (start < order.length) {
    let end = start
    while (end < order.length && order[end]!.score === order[start]!.score) end++
    const frauds = order.slice(start, end).filter(({ label }) => label === 1).length
    rankSum += (frauds * (start + 1 + end)) / 2
    start = end
  }
  const frauds = labels.filter((label) => label === 1).length
  return (rankSum - (frauds * (frauds + 1)) / 2) / (frauds * (labels.length - frauds))
}
