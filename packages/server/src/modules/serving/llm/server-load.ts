/** How busy a model server is, as its own metrics tell. */
export type ServerLoad = Readonly<{
  /** Calls being worked on, and calls that wait for their turn. */
  running: number
  waiting: number
  /** Share of the cache for keys and values in use, 0 to 1; null when it does not tell. When it is full, calls push each other out. */
  kvCacheUse: number | null
}>

/** What the servers call them: docs of vLLM ("Production Metrics"), SGLang, llama.cpp's server and TGI, November 2026. */
const RUNNING = [
  'vllm:num_requests_running',
  'sglang:num_running_reqs',
  'llamacpp:requests_processing',
  'tgi_batch_current_size',
]
const WAITING = [
  'vllm:num_requests_waiting',
  'sglang:num_queue_reqs',
  'llamacpp:requests_deferred',
  'tgi_queue_size',
]
const KV_CACHE = [
  'vllm:kv_cache_usage_perc',
  // Until vLLM 0.10.
  'vllm:gpu_cache_usage_perc',
  'sglang:token_usage',
  'llamacpp:kv_cache_usage_ratio',
]

/** Reads `/metrics` in Prometheus' text form; null when none of it is known. Calls of several engines are added; of their caches the fullest counts. */
export function readServerLoad(metrics: string): ServerLoad | null {
  const running = valuesOf(metrics, RUNNING)
  const waiting = valuesOf(metrics, WAITING)
  const kvCache = valuesOf(metrics, KV_CACHE)
  if (running.length + waiting.length + kvCache.length === 0) return null
  return {
    running: sum(running),
    waiting: sum(waiting),
    kvCacheUse: kvCache.length === 0 ? null : Math.max(...kvCache),
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

function valuesOf(metrics: string, names: readonly string[]): number[] {
  return metrics.split('\n').flatMap((line) => {
    const [, name = '', value = ''] = /^([a-z_:]+)(?:\{[^}]*\})?\s+(\S+)/.exec(line) ?? []
    const number = names.includes(name) ? Number(value) : Number.NaN
    return Number.isFinite(number) && number >= 0 ? [number] : []
  })
}
