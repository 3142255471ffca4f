/** Everything that the scenario declares: features, endpoint, monitors and what a rollout has to prove. */
import type {
  FeatureManifestInput,
  GateInput,
  MonitorInput,
  RolloutStrategyInput,
} from '@trestle/contract'
import { MODEL_COLUMNS, modelInput, type Hour } from './replay.ts'

export const MODEL = 'bike-sharing'
export const ENDPOINT = 'bikes'
const SERVICE = 'bike-weather'
export const ALIAS = 'champion'

/** The weather by station. No TTL: hours of 2011 are replayed today, and their weather would be out of date. */
export const FEATURES = {
  entities: [{ name: 'station', keys: [{ name: 'station', type: 'string' }] }],
  views: [
    {
      name: 'weather',
      entities: ['station'],
      description: 'Weather at the start of the hour; temperatures, humidity and wind in 0 to 1',
      features: [
        { name: 'weathersit', type: 'int64', description: '1 clear to 4 heavy rain or snow' },
        { name: 'temp', type: 'float64' },
        { name: 'atemp', type: 'float64', description: 'temperature as it feels' },
        { name: 'hum', type: 'float64' },
        { name: 'windspeed', type: 'float64' },
      ],
    },
  ],
  services: [
    {
      name: SERVICE,
      features: [
        { view: 'weather', features: ['weathersit', 'temp', 'atemp', 'hum', 'windspeed'] },
      ],
    },
  ],
} satisfies FeatureManifestInput

export const endpointOn = (version: string) => ({
  name: ENDPOINT,
  model: `${MODEL}/${version}`,
  featureService: SERVICE,
  columns: [...MODEL_COLUMNS],
  // Not the entity, which is the default: there is one station, so one variant would get every request.
  stickyKey: 'hour_id',
})

/** About a month of hours. */
export const MONTH = 720

/** Has the world left the months that the model was trained on? */
export const seasons = (trainedOn: readonly Hour[]): MonitorInput => ({
  name: 'seasons',
  endpoint: ENDPOINT,
  reference: { kind: 'dataset', rows: trainedOn.map(namedInputs) },
  window: { kind: 'rows', rows: MONTH },
  alertWhen: { drifted: 2, of: 3 },
})

/** Has the model become worse than in its first month of service? Training months would not do as reference: it has seen their answers. */
export const QUALITY: MonitorInput = {
  name: 'quality',
  endpoint: ENDPOINT,
  reference: { kind: 'first', rows: MONTH },
  window: { kind: 'rows', rows: MONTH },
  quality: { problem: 'regression', minimumLabels: 500, tolerance: 0.25 },
}

const namedInputs = (hour: Hour): Record<string, number> =>
  Object.fromEntries(modelInput(hour).map((value, i) => [MODEL_COLUMNS[i] ?? '', value]))

/**
 * What a new version has to prove with the few hundred hours that a canary sees: fewer squared errors than the old version for certain
 * (margin 0), and no gross technical harm. 100 hours without one failure bound the error rate at 8 points, so its margin is 10; the tail of the
 * latency can't be judged on so few, so it is the median.
 */
export const GATES: GateInput[] = [
  { metric: 'label-quality', margin: 0, minSamples: 100 },
  { metric: 'error-rate', margin: 0.1, max: 0.1 },
  { metric: 'nan-outputs', margin: 0.1 },
  { metric: 'latency-p50', floorMs: 25 },
]

/** Bake times are 0: time is counted in replayed hours here, by `minRequests`. */
export const CAREFUL = {
  kind: 'canary' as const,
  shadowFirst: { share: 1, bakeMs: 0, minRequests: 200 },
  steps: [
    { weightPercent: 25, bakeMs: 0, minRequests: 100 },
    { weightPercent: 50, bakeMs: 0, minRequests: 100 },
  ],
  finalBakeMs: 0,
} satisfies RolloutStrategyInput

export const HALF = {
  kind: 'canary' as const,
  steps: [{ weightPercent: 50, bakeMs: 0, minRequests: 100 }],
  finalBakeMs: 0,
} satisfies RolloutStrategyInput
