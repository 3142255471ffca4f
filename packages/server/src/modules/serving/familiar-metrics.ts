import { hostname } from 'node:os'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Topic } from '../../platform/events/topic.ts'
import type { Fleet, LiveEndpoint, LiveVariant } from './fleet.ts'
import type { InferenceCompleted } from './inference-event.ts'
import type { VariantCounts } from './serving-metrics.ts'

/** Servers whose dashboards people have. */
export type MetricNames = 'triton' | 'kserve' | 'torchserve'

/**
 * Our numbers under other servers' names, so that existing dashboards go on. Counters are read from the variants' counts when Prometheus asks, and cost
 * nothing between.
 */
export function addFamiliarMetrics(
  registry: Registry,
  deps: { names: readonly MetricNames[]; fleet: Fleet; completed: Topic<InferenceCompleted> }
): void {
  for (const name of deps.names) ADD[name](registry, deps)
}

type Deps = { fleet: Fleet; completed: Topic<InferenceCompleted> }
type Labels = Readonly<Record<string, string>>
type Sample = Readonly<{ labels: Labels; value: number }>

function* variantsOf(fleet: Fleet): Generator<[LiveEndpoint, LiveVariant]> {
  for (const endpoint of fleet.all())
    for (const variant of endpoint.variants.values()) yield [endpoint, variant]
}

/** A counter that is told its sums instead of counting. */
function addSum(
  registry: Registry,
  metric: { name: string; help: string; labelNames: readonly string[] },
  samples: () => Iterable<Sample>
): void {
  new Counter({
    ...metric,
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, value } of samples()) this.inc(labels, value)
    },
  })
}

/** https://github.com/triton-inference-server/server/blob/main/docs/user_guide/metrics.md */
function addTriton(registry: Registry, { fleet }: Deps): void {
  const labelNames = ['model', 'version']
  const labelsOf = (endpoint: LiveEndpoint, { model }: LiveVariant): Labels => ({
    model: endpoint.stored.name,
    version: String(model.version),
  })
  const sum = (name: string, help: string, of: (counts: VariantCounts) => number): void =>
    addSum(registry, { name, help, labelNames }, function* () {
      for (const [endpoint, variant] of variantsOf(fleet))
        yield { labels: labelsOf(endpoint, variant), value: of(variant.meter.counts) }
    })
  sum('nv_inference_request_success', 'Successful requests.', ({ ok }) => ok)
  addSum(
    registry,
    {
      name: 'nv_inference_request_failure',
      help: 'Failed requests by reason.',
      labelNames: [...labelNames, 'reason'],
    },
    function* () {
      for (const [endpoint, variant] of variantsOf(fleet)) {
        const labels = labelsOf(endpoint, variant)
        const { rejected, error, timeout } = variant.meter.counts
        yield { labels: { ...labels, reason: 'REJECTED' }, value: rejected }
        yield { labels: { ...labels, reason: 'BACKEND' }, value: error }
        yield { labels: { ...labels, reason: 'OTHER' }, value: timeout }
      }
    }
  )
  sum('nv_inference_count', 'Rows inferred.', ({ rows }) => rows)
  sum('nv_inference_exec_count', 'Runs of the model.', ({ batches }) => batches)
  const micros = (ms: number): number => Math.round(ms * 1_000)
  sum('nv_inference_request_duration_us', 'Time of successful requests.', (c) =>
    micros(c.latencyMs)
  )
  sum('nv_inference_queue_duration_us', 'Time in the queue.', (c) => micros(c.queueMs))
  sum('nv_inference_compute_input_duration_us', 'Time to prepare inputs.', (c) =>
    micros(Math.max(0, c.latencyMs - c.queueMs - c.computeMs))
  )
  sum('nv_inference_compute_infer_duration_us', 'Time in the model.', (c) => micros(c.computeMs))
  sum('nv_inference_compute_output_duration_us', 'Part of the time in the model here.', () => 0)
  addGauge(registry, { name: 'nv_inference_pending_request_count', labelNames }, function* () {
    for (const [endpoint, variant] of variantsOf(fleet))
      yield {
        labels: labelsOf(endpoint, variant),
        value: variant.served?.batcher.queued ?? 0,
      }
  })
  addGauge(registry, { name: 'nv_model_load_duration_secs', labelNames }, function* () {
    for (const [endpoint, variant] of variantsOf(fleet))
      if (variant.served !== null)
        yield { labels: labelsOf(endpoint, variant), value: variant.served.loadMs / 1_000 }
  })
}

function addGauge(
  registry: Registry,
  { name, labelNames }: { name: string; labelNames: readonly string[] },
  samples: () => Iterable<Sample>
): void {
  new Gauge({
    name,
    help: 'As Triton has it.',
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, value } of samples()) this.set(labels, value)
    },
  })
}

/** https://kserve.github.io/website/docs/model-serving/predictive-inference/observability/prometheus-metrics */
function addKserve(registry: Registry, { completed }: Deps): void {
  const histogram = (name: string, help: string): Histogram<'model_name'> =>
    new Histogram({ name, help, labelNames: ['model_name'], registers: [registry] })
  const preprocess = histogram('request_preprocess_seconds', 'Time to read features.')
  const predict = histogram('request_predict_seconds', 'Time in the queue and the model.')
  completed.subscribe(({ role, status, endpoint, stages }) => {
    if (role !== 'live' || status !== 'ok') return
    preprocess.observe({ model_name: endpoint }, stages.featuresMs / 1_000)
    predict.observe({ model_name: endpoint }, (stages.queueMs + stages.computeMs) / 1_000)
  })
}

/** https://github.com/pytorch/serve/blob/master/docs/metrics.md */
function addTorchServe(registry: Registry, { fleet }: Deps): void {
  const labelNames = ['model_name', 'model_version', 'hostname']
  const host = hostname()
  const sum = (name: string, help: string, of: (counts: VariantCounts) => number): void =>
    addSum(registry, { name, help, labelNames }, function* () {
      for (const [{ stored }, { model, meter }] of variantsOf(fleet))
        yield {
          labels: {
            model_name: stored.name,
            model_version: String(model.version),
            hostname: host,
          },
          value: of(meter.counts),
        }
    })
  sum(
    'ts_inference_requests_total',
    'Requests.',
    ({ ok, error, timeout, rejected }) => ok + error + timeout + rejected
  )
  sum('ts_inference_latency_microseconds', 'Time of successful requests.', ({ latencyMs }) =>
    Math.round(latencyMs * 1_000)
  )
  sum('ts_queue_latency_microseconds', 'Time in the queue.', ({ queueMs }) =>
    Math.round(queueMs * 1_000)
  )
}

const ADD = { triton: addTriton, kserve: addKserve, torchserve: addTorchServe } as const
