import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Fleet } from '../fleet.ts'
import type { InferenceCompleted } from '../inference-event.ts'
import type { BackendSlot } from './backend-pool.ts'

/** What Prometheus reads of LLM calls. Labels are names of endpoints, variants, backends and meters: nothing a caller sends becomes a label. */
export function createLlmMetrics(
  registry: Registry,
  deps: { fleet: Fleet; costOf: (event: InferenceCompleted) => number | null }
): { done: (event: InferenceCompleted) => void } {
  const registers = [registry]
  const names = ['endpoint', 'variant'] as const
  const tokens = new Counter({
    name: 'trestle_llm_tokens_total',
    help: 'Tokens of LLM calls by meter. Meters never overlap: their sum is all tokens.',
    labelNames: [...names, 'meter'] as const,
    registers,
  })
  const saved = new Counter({
    name: 'trestle_llm_saved_tokens_total',
    help: 'Tokens that were not bought, because the answer came from the cache.',
    labelNames: names,
    registers,
  })
  const cost = new Counter({
    name: 'trestle_llm_cost_usd_total',
    help: 'Dollars that LLM calls cost; what has no price is in trestle_llm_unpriced_calls_total.',
    labelNames: names,
    registers,
  })
  const unpriced = new Counter({
    name: 'trestle_llm_unpriced_calls_total',
    help: 'LLM calls of a model without a price.',
    labelNames: names,
    registers,
  })
  const usage = new Counter({
    name: 'trestle_llm_calls_total',
    help: 'LLM calls by backend and by how sure their usage is.',
    labelNames: [...names, 'backend', 'usage'] as const,
    registers,
  })
  const firstToken = new Histogram({
    name: 'trestle_llm_first_token_seconds',
    help: 'Time from the call to the first byte of its answer, streams only.',
    labelNames: names,
    buckets: [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2],
    registers,
  })
  for (const { name, help, read } of BACKEND_GAUGES)
    new Gauge({
      name: `trestle_llm_backend_${name}`,
      help,
      labelNames: [...names, 'backend'] as const,
      registers,
      collect() {
        this.reset()
        for (const { stored, variants } of deps.fleet.all())
          for (const variant of variants.values())
            for (const slot of variant.llm?.pool.slots ?? []) {
              const value = read(slot)
              const labels = { endpoint: stored.name, variant: variant.name }
              if (value !== null) this.set({ ...labels, backend: slot.backend.name }, value)
            }
      },
    })
  return {
    done(event) {
      const { llm, endpoint, variant } = event
      if (llm == null) return
      const labels = { endpoint, variant }
      usage.inc({ ...labels, backend: llm.backend, usage: llm.status })
      for (const [meter, count] of Object.entries(llm.usage))
        tokens.inc({ ...labels, meter }, count)
      if (llm.savedUsage !== null)
        saved.inc(
          labels,
          Object.values(llm.savedUsage).reduce((sum, count) => sum + count, 0)
        )
      if (llm.isStream && llm.firstTokenMs !== null && llm.cache === null)
        firstToken.observe(labels, llm.firstTokenMs / 1_000)
      const usd = deps.costOf(event)
      if (usd === null) unpriced.inc(labels)
      else cost.inc(labels, usd)
    },
  }
}

const BACKEND_GAUGES: readonly {
  name: string
  help: string
  read: (slot: BackendSlot) => number | null
}[] = [
  { name: 'up', help: '1 while it may be asked.', read: (slot) => Number(slot.trouble === null) },
  { name: 'in_flight', help: 'Calls under way from here.', read: (slot) => slot.inFlight },
  {
    name: 'running',
    help: 'Calls that it works on, as its own metrics tell.',
    read: (slot) => slot.load?.running ?? null,
  },
  {
    name: 'waiting',
    help: 'Calls that wait there, as its own metrics tell.',
    read: (slot) => slot.load?.waiting ?? null,
  },
  {
    name: 'kv_cache_ratio',
    help: 'Share of its KV cache in use, as its own metrics tell.',
    read: (slot) => slot.load?.kvCacheUse ?? null,
  },
]
