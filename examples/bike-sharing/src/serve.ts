import { ENDPOINT, endpointOn, FEATURES, MODEL, QUALITY, seasons } from './definitions.ts'
import { modelInput, MODEL_COLUMNS, type Hour } from './replay.ts'
import { byMonth, maeOf, type Answered, type Scenario, type Traffic } from './traffic.ts'
import { train, type Training } from './train.ts'
import { until } from './until.ts'

/** Trains both models, which log and register themselves. */
export async function trainOn(
  { client, facts, csv, python }: Scenario,
  until: string
): Promise<Training> {
  facts.step(`Train until ${until}, log with mlflow`)
  const training = await train(client.url, { python, csv: csv.path, until })
  for (const [kind, { version, mae_train }] of Object.entries(training.models)) {
    const registered = await client.registry.getVersion({ name: MODEL, version: Number(version) })
    facts.check(
      `${kind} is registered and can be served`,
      registered.status === 'READY' && registered.flavor === 'onnx',
      `${MODEL}/${version}, error ${mae_train} on its ${training.rows} training hours`
    )
  }
  return training
}

/** Features, endpoint on `version`, monitors. */
export async function prepare(
  { client, facts }: Scenario,
  { version, trainedOn }: { version: string; trainedOn: readonly Hour[] }
): Promise<void> {
  facts.step('Declare features, endpoint and monitors')
  await client.features.apply({ manifest: FEATURES })
  const again = await client.features.apply({ manifest: FEATURES })
  facts.check(
    'applying the feature definitions again changes nothing',
    again.changes.every(({ kind }) => kind === 'unchanged'),
    `${again.changes.length} definitions`
  )
  const endpoint = await client.serving.createEndpoint(endpointOn(version))
  facts.check(
    'the endpoint serves the forest of winter',
    endpoint.variants.every(({ state }) => state === 'ready'),
    endpoint.variants.map(({ name }) => name).join()
  )
  await client.monitoring.putMonitor(seasons(trainedOn))
  await client.monitoring.putMonitor(QUALITY)
}

/** Plays the hours as traffic; when this returns, all their labels are told. */
export async function replay(
  { facts }: Scenario,
  { traffic, hours }: { traffic: Traffic; hours: readonly Hour[] }
): Promise<Answered[]> {
  facts.step(`Replay ${hours.length} hours, March to August 2011`)
  const begun = performance.now()
  const answered = [...(await traffic.send(hours))]
  await traffic.settle()
  const seconds = (performance.now() - begun) / 1_000
  facts.say(`${(hours.length / seconds).toFixed(0)} hours a second, a push and a prediction each`)
  return answered
}

/** What was served is what was trained. */
export async function checkServing(
  { client, facts }: Scenario,
  answered: readonly Answered[],
  offline: Training['models']['forest']
): Promise<void> {
  let worst = 0
  for (const [month, answers] of byMonth(answered)) {
    const served = maeOf(answers)
    facts.say(
      `${month}: error ${served.toFixed(1)} served, ${offline.mae_by_month[month] ?? NaN} offline`
    )
    worst = Math.max(worst, Math.abs(served - (offline.mae_by_month[month] ?? NaN)))
  }
  facts.check(
    'with features from the store the model errs as train.py said, to 0.01 rentals in every month',
    worst <= 0.01,
    worst.toFixed(4)
  )
  const asked = answered.filter((_, i) => i % 200 === 0)
  const logged = await Promise.all(
    asked.map(({ predictionId }) => client.monitoring.listPredictions({ id: predictionId }))
  )
  const isAsSent = ({ hour }: Answered, i: number): boolean =>
    modelInput(hour).every(
      (value, column) =>
        logged[i]?.items[0]?.inputs[MODEL_COLUMNS[column] ?? ''] === Math.fround(value)
    )
  facts.check(
    'the inference log has the inputs of every hour that is looked up',
    asked.every(isAsSent),
    `${asked.length} hours`
  )
  const isLabelled = (c: { predictions: number; labelled: number }) => c.predictions === c.labelled
  const coverage = await until(
    () => client.monitoring.getLabelCoverage({ endpoint: ENDPOINT }),
    ({ items }) => items.every(isLabelled),
    'the last labels to find their predictions'
  )
  facts.check(
    'every prediction has its label',
    coverage.items.length === 1 && coverage.items[0]?.labelled === answered.length,
    coverage.items.map((c) => `${c.labelled} of ${c.predictions}`).join()
  )
}
