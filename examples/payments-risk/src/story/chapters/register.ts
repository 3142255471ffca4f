import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { expectThat } from '../expect-that.ts'
import { MODEL, type Stage } from '../stage.ts'

const models = new URL('../../../models/', import.meta.url)

const described = z.object({
  input: z.object({ columns: z.array(z.string()) }),
  models: z.record(
    z.string(),
    z.object({
      trained_on: z.string(),
      params: z.record(z.string(), z.unknown()),
      validation: z.record(z.string(), z.number()),
    })
  ),
})

/** Three trained models become runs with their parameters and metrics, and versions 1 to 3 with signature and lineage. */
export async function registerModels({ client, teller }: Stage): Promise<void> {
  const { input, models: trained } = described.parse(
    JSON.parse(await readFile(new URL('metrics.json', models), 'utf8'))
  )
  const { experiment_id } = await client.tracking.createExperiment({ name: 'payments-risk' })
  const signature = {
    inputs: input.columns.map((name) => ({ name, type: 'double' })),
    outputs: [
      { name: 'label', type: 'long' },
      { name: 'score', type: 'double' },
    ],
  }
  for (const [name, { params, validation, trained_on }] of Object.entries(trained)) {
    const { run } = await client.tracking.createRun({
      experiment_id,
      run_name: `train ${name}`,
      start_time: Date.now(),
    })
    const runId = run.info.run_id
    const timestamp = Date.now()
    await client.tracking.logBatch({
      run_id: runId,
      params: Object.entries({ ...params, trained_on }).map(([key, value]) => ({
        key,
        value: `${value as string | number}`,
      })),
      metrics: Object.entries(validation).map(([key, value]) => ({
        key: `validation_${key}`,
        value,
        timestamp,
        step: 0,
      })),
    })
    await client.tracking.updateRun({ run_id: runId, status: 'FINISHED', end_time: Date.now() })
    const version = await client.uploadModel(
      MODEL,
      await readFile(new URL(`${name}.onnx`, models)),
      { runId, signature, featureService: 'payment_features', description: `Fraud score, ${name}` }
    )
    expectThat(
      version.status === 'READY',
      `version ${version.version} is ${version.status}: ${version.statusMessage ?? ''}`
    )
    expectThat(version.signature?.inputs.length === input.columns.length, 'the signature was lost')
    teller.say(
      `version ${version.version}: validation AUC ${validation['auc']?.toFixed(3) ?? '–'}, ${version.signature.inputs.length} inputs, ${version.onnx?.nodes ?? 0} graph nodes, run ${runId.slice(0, 8)}`
    )
  }
  await client.registry.setAlias({ name: MODEL, alias: 'champion', version: 1 })
}
