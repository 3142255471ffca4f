import { api, type BackendStats, type Endpoint, type VariantStats } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { fail } from '../../platform/errors.ts'
import { bindRoutes } from '../../platform/http/index.ts'
import { applyEndpoints } from './apply-endpoints.ts'
import type { EndpointControl } from './endpoint-control.ts'
import { describeEndpoint } from './endpoint-schema.ts'
import { toRecord, type Fleet, type LiveEndpoint, type LiveVariant } from './fleet.ts'
import type { BackendSlot } from './llm/backend-pool.ts'
import type { EndpointRecord } from './endpoint.ts'

export type TrafficGate = (endpointId: string) => Promise<boolean> | boolean

/** The native API of endpoints. */
export function addServingRoutes(
  app: FastifyInstance,
  deps: { fleet: Fleet; control: EndpointControl; mayChangeTraffic: TrafficGate }
): void {
  const { fleet, control } = deps

  const liveEndpoint = (project: string, name: string): LiveEndpoint => {
    const endpoint = fleet.find(project, name)
    if (endpoint === undefined)
      throw fail('serving.endpoint_not_found', `No endpoint "${name}"`, {
        details: { endpoint: name },
      })
    return endpoint
  }
  const requireFree = async ({ stored }: LiveEndpoint): Promise<void> => {
    if (!(await deps.mayChangeTraffic(stored.id)))
      throw fail(
        'rollouts.in_progress',
        `A rollout of "${stored.name}" is in progress; pause or abort it first`,
        { details: { endpoint: stored.name } }
      )
  }

  bindRoutes(
    app,
    { name: 'serving', routes: api.serving },
    {
      listEndpoints: async (_input, { project }) => ({
        items: fleet.list(project).map((endpoint) => toWire(toRecord(endpoint))),
      }),
      createEndpoint: async (input, { project }) => {
        await control.create({ ...input, project })
        return toWire(toRecord(liveEndpoint(project, input.name)))
      },
      getEndpoint: async ({ endpoint }, { project }) =>
        toWire(toRecord(liveEndpoint(project, endpoint))),
      deleteEndpoint: async ({ endpoint }, { project }) => {
        await requireFree(liveEndpoint(project, endpoint))
        await control.remove(project, endpoint)
        return {}
      },
      addVariant: async ({ endpoint, ...variant }, { project }) =>
        control.addVariant({ project, name: endpoint }, variant),
      removeVariant: async ({ endpoint, variant }, { project }) => {
        await control.removeVariant({ project, name: endpoint }, variant)
        return {}
      },
      setTraffic: async ({ endpoint, salt, weights, shadows }, { project }) => {
        const live = liveEndpoint(project, endpoint)
        await requireFree(live)
        await control.setTraffic(
          { project, name: endpoint },
          { salt: salt ?? live.stored.traffic.salt, weights, shadows }
        )
        return toWire(toRecord(liveEndpoint(project, endpoint)))
      },
      getSchema: async ({ endpoint, variant }, { project }) =>
        describeEndpoint(fleet, liveEndpoint(project, endpoint), variant ?? null),
      getStats: async ({ endpoint }, { project }) => ({
        items: [...liveEndpoint(project, endpoint).variants.values()].map(toStats),
      }),
      apply: async ({ endpoints, prune, dryRun }, { project }) => ({
        changes: await applyEndpoints(
          { fleet, control, requireFree },
          { project, endpoints, prune, dryRun }
        ),
      }),
    }
  )
}

const toWire = (record: EndpointRecord): Endpoint => ({
  ...record,
  columns: record.columns === null ? null : [...record.columns],
  variants: [...record.variants],
  traffic: {
    salt: record.traffic.salt,
    weights: [...record.traffic.weights],
    shadows: [...record.traffic.shadows],
  },
})

function toStats(variant: LiveVariant): VariantStats {
  const { counts } = variant.meter
  const mean = (sum: number, n: number): number | null => (n === 0 ? null : sum / n)
  return {
    variant: variant.name,
    requests: counts.ok + counts.error + counts.timeout + counts.rejected,
    ok: counts.ok,
    errors: counts.error,
    timeouts: counts.timeout,
    rejected: counts.rejected,
    rows: counts.rows,
    batches: counts.batches,
    meanBatchRows: mean(counts.batchedRows, counts.batches),
    meanLatencyMs: mean(counts.latencyMs, counts.ok),
    meanQueueMs: mean(counts.queueMs, counts.ok),
    meanComputeMs: mean(counts.computeMs, counts.ok),
    queued: variant.served?.batcher.queued ?? 0,
    shadowed: counts.shadowed,
    shadowsDropped: counts.shadowsDropped,
    lastAt: counts.lastAt === 0 ? null : counts.lastAt,
    backends: (variant.llm?.pool.slots ?? []).map(toBackendStats),
  }
}

const toBackendStats = (slot: BackendSlot): BackendStats => ({
  name: slot.backend.name,
  trouble: slot.trouble,
  inFlight: slot.inFlight,
  calls: slot.counts.calls,
  failures: slot.counts.failures,
  throttled: slot.counts.throttled,
  firstByteMs: slot.firstByteMs,
  running: slot.load?.running ?? null,
  waiting: slot.load?.waiting ?? null,
  kvCacheUse: slot.load?.kvCacheUse ?? null,
})
