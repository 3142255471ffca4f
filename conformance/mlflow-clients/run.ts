/**
 * MLflow's clients of other languages, unmodified, against a live Trestle: the Java client from Maven Central, and the `mlflow` package of npm, which
 * speaks experiments, runs, metrics and artifacts; its `setExperimentTag` asks for a path that no MLflow has. MLflow's own TypeScript packages are not on the npm registry.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient, startRun } from '@trestle/sdk'
import type * as MlflowOfNpm from 'mlflow'
import { pythonWith } from '../lib/python.ts'
import { runScript, type Count } from '../lib/script.ts'

const here = dirname(fileURLToPath(import.meta.url))
const run = promisify(execFile)
const url = process.env['TRESTLE_URL'] ?? 'http://127.0.0.1:4400'
const unique = (prefix: string): string => `${prefix}-${crypto.randomUUID().slice(0, 8)}`
const MLFLOW = join(here, '..', 'mlflow', 'requirements.txt')
const total: Count = { passed: 0, failed: 0 }

async function check(name: string, body: () => Promise<void>): Promise<void> {
  try {
    await body()
    total.passed += 1
    console.log(`ok   ${name}`)
  } catch (error) {
    total.failed += 1
    console.log(`FAIL ${name}\n${error instanceof Error ? (error.stack ?? '') : String(error)}`)
  }
}

/** CommonJS whose export is the class itself, which its types do not say. */
const MLflow = createRequire(import.meta.url)(
  'mlflow'
) as (typeof MlflowOfNpm)['default']['default']
const { Experiments, Runs, Metrics, Artifacts } = new MLflow({ endpoint: url })

/** The package's types lack what its code takes: an artifact location is left out as everywhere. */
const newExperiment = async (): Promise<{ id: string; name: string }> => {
  const name = unique('npm')
  const { experiment_id } = await Experiments.create({ name } as Parameters<
    typeof Experiments.create
  >[0])
  return { id: experiment_id, name }
}

await check('npm mlflow: an experiment is made, renamed, deleted and restored', async () => {
  const { id, name } = await newExperiment()
  await Experiments.update({ experiment_id: id, new_name: `${name}-b` })
  assert.equal((await Experiments.get({ experiment_id: id })).experiment.name, `${name}-b`)
  await Experiments.delete({ experiment_id: id })
  assert.equal((await Experiments.get({ experiment_id: id })).experiment.lifecycle_stage, 'deleted')
  await Experiments.restore({ experiment_id: id })
  assert.equal((await Experiments.get({ experiment_id: id })).experiment.lifecycle_stage, 'active')
})

await check('npm mlflow: a run is logged, read, searched, deleted and restored', async () => {
  const { id } = await newExperiment()
  const made = await Runs.create({ experiment_id: id, user_id: 'ada', start_time: 1_000 })
  const { run_id } = made.run.info
  await Runs.logParameter({ run_id, key: 'depth', value: '6' })
  await Runs.logMetric({ run_id, key: 'auc', value: 0.5, timestamp: 1, step: 0 })
  await Runs.logBatch({
    run_id,
    metrics: [{ key: 'auc', value: 0.9, timestamp: 2, step: 1 }],
    params: [{ key: 'lr', value: '0.1' }],
    tags: [{ key: 'team', value: 'risk' }],
  })
  await Runs.setTag({ run_id, key: 'gone', value: 'x' })
  await Runs.deleteTag({ run_id, key: 'gone' })
  await Runs.update({ run_id, status: 'FINISHED', end_time: 2_000 } as Parameters<
    typeof Runs.update
  >[0])
  const { data, info } = (await Runs.get({ run_id })).run
  assert.equal(info.status, 'FINISHED')
  assert.deepEqual(data.params.map((p) => `${p.key}=${p.value}`).toSorted(), ['depth=6', 'lr=0.1'])
  const { metrics } = await Metrics.getHistory({ run_id, metric_key: 'auc' })
  assert.deepEqual(
    metrics.map((m) => m.value),
    [0.5, 0.9]
  )
  const found = await Runs.search({
    experiment_ids: [id],
    filter: "metrics.auc > 0.8 and tags.team = 'risk'",
  })
  assert.equal(found.runs.length, 1)
  await Runs.delete({ run_id })
  assert.equal((await Runs.get({ run_id })).run.info.lifecycle_stage, 'deleted')
  await Runs.restore({ run_id })
})

await check('npm mlflow: artifacts are listed', async () => {
  const logged = await startRun(createClient({ url }))
  await logged.logArtifact('notes/a.txt', 'hello')
  await logged.end()
  // Its types say one file; the wire has a list.
  const { files } = (await Artifacts.list({ run_id: logged.id, path: 'notes' })) as unknown as {
    files: { path: string; file_size: number }[]
  }
  assert.deepEqual(
    files.map((f) => [f.path, f.file_size]),
    [['notes/a.txt', 5]]
  )
})

/** A version 1 in Production whose run has an artifact, for the Java client, which can only read the registry. */
async function seedRegistry(): Promise<string> {
  const client = createClient({ url })
  const name = unique('java')
  const logged = await startRun(client)
  await logged.logArtifact('model/a.txt', 'weights')
  await logged.end()
  const post = (path: string, body: object) =>
    client.request({ method: 'POST', path: `/api/2.0/mlflow/${path}`, body })
  await post('registered-models/create', { name })
  await post('model-versions/create', {
    name,
    source: `runs:/${logged.id}/model`,
    run_id: logged.id,
  })
  await client.registry.transitionStage({ name, version: 1, stage: 'Production' })
  return name
}

/** The client's jars, kept between runs. */
async function javaJars(): Promise<string> {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const jars = join(cache, 'trestle', 'mlflow-java-2.17.2')
  if (!existsSync(join(jars, 'mlflow-client-2.17.2.jar')))
    await run('mvn', [
      ...['-q', '-B', '-f', join(here, 'pom.xml'), 'dependency:copy-dependencies'],
      `-DoutputDirectory=${jars}`,
    ])
  return jars
}

const hasJava = await run('javac', ['-version']).then(
  () => true,
  () => false
)
if (hasJava || process.env['CI'] === 'true') {
  const jars = await javaJars()
  const java = await runScript(
    'java',
    ['-cp', `${jars}/*`, join(here, 'Conformance.java'), url, await seedRegistry()],
    // It hands artifacts to MLflow's Python, which it finds on the path.
    {
      PATH: `${dirname(await pythonWith(MLFLOW))}:${process.env['PATH'] ?? ''}`,
      MLFLOW_TRACKING_URI: url,
    }
  )
  total.passed += java.passed
  total.failed += java.failed
} else console.log('skipped: the Java client, as this machine has no JDK')

console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 ? 0 : 1
