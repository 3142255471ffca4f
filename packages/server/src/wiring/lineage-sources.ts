import type { LineageNode } from '@trestle/contract'
import type { Features } from '../modules/features/index.ts'
import { edgeOf, type LineageSource } from '../modules/lineage/index.ts'
import type { Monitoring } from '../modules/monitoring/index.ts'
import type { EndpointRecord, Serving } from '../modules/serving/index.ts'

/** What the graph shows of features: the views that a service reads. */
export function featuresLineage(features: Features): LineageSource {
  type Service = ReturnType<Features['services']>[number]
  const service = ({ name, version, createdAt, views }: Service): LineageNode => ({
    kind: 'feature-service',
    id: name,
    label: name,
    at: createdAt,
    state: null,
    facts: { version: `v${version}`, views: String(views.length) },
  })
  const view = ({ name, version, source, createdAt }: Service['views'][number]): LineageNode => ({
    kind: 'feature-view',
    id: name,
    label: name,
    at: createdAt,
    state: null,
    facts: { version: `v${version}`, ...(source === null ? {} : { source }) },
  })
  return {
    async find(project, ref) {
      const services = features.services(project)
      if (ref.kind === 'feature-service') {
        const found = services.find((s) => s.name === ref.id)
        return found === undefined ? null : service(found)
      }
      if (ref.kind !== 'feature-view') return null
      const found = services.flatMap((s) => s.views).find((v) => v.name === ref.id)
      return found === undefined ? null : view(found)
    },
    async edges(project, ref) {
      const services = features.services(project)
      const partOf = (name: string, of: string) =>
        edgeOf({ kind: 'feature-view', id: name }, { kind: 'feature-service', id: of }, 'part of')
      if (ref.kind === 'feature-service')
        return (services.find((s) => s.name === ref.id)?.views ?? []).map((v) =>
          partOf(v.name, ref.id)
        )
      if (ref.kind !== 'feature-view') return []
      return services
        .filter((s) => s.views.some((v) => v.name === ref.id))
        .map((s) => partOf(ref.id, s.name))
    },
  }
}

/** What the graph shows of serving: the endpoints, with the versions behind them and the service that feeds them. */
export function servingLineage(serving: Serving): LineageSource {
  const endpoint = (record: EndpointRecord): LineageNode => ({
    kind: 'endpoint',
    id: record.name,
    label: record.name,
    at: record.createdAt,
    state: record.variants.some((v) => v.state === 'failed') ? 'failed' : 'serving',
    facts: Object.fromEntries(
      record.variants.map((v) => [
        v.name,
        v.llm === null ? `${v.model.name} v${v.model.version}` : 'LLM',
      ])
    ),
  })
  const versionOf = (v: EndpointRecord['variants'][number]): string =>
    `${v.model.name}/${v.model.version}`
  const served = (record: EndpointRecord) => record.variants.filter((v) => v.llm === null)
  return {
    async find(project, ref) {
      const record = ref.kind === 'endpoint' ? await serving.getEndpoint(project, ref.id) : null
      return record === null ? null : endpoint(record)
    },
    async edges(project, ref) {
      if (!['endpoint', 'model-version', 'feature-service'].includes(ref.kind)) return []
      return (await serving.listEndpoints(project)).flatMap((record) => {
        const self = { kind: 'endpoint', id: record.name } as const
        const { featureService } = record
        const all = [
          ...served(record).map((v) =>
            edgeOf({ kind: 'model-version', id: versionOf(v) }, self, `served as ${v.name}`)
          ),
          ...(featureService === null
            ? []
            : [edgeOf({ kind: 'feature-service', id: featureService }, self, 'feeds')]),
        ]
        return all.filter(({ from, to }) =>
          [from, to].some((end) => end.kind === ref.kind && end.id === ref.id)
        )
      })
    },
  }
}

/** What the graph shows of monitoring: who watches an endpoint, and what they see. */
export function monitoringLineage(monitoring: Monitoring): LineageSource {
  type Monitor = Awaited<ReturnType<Monitoring['listMonitors']>>[number]
  const monitor = ({ name, state, summary, createdAt }: Monitor): LineageNode => ({
    kind: 'monitor',
    id: name,
    label: name,
    at: createdAt,
    state,
    facts: summary === '' ? {} : { summary },
  })
  return {
    async find(project, ref) {
      if (ref.kind !== 'monitor') return null
      const found = (await monitoring.listMonitors(project)).find((m) => m.name === ref.id)
      return found === undefined ? null : monitor(found)
    },
    async edges(project, ref) {
      if (ref.kind !== 'endpoint' && ref.kind !== 'monitor') return []
      return (await monitoring.listMonitors(project))
        .filter((m) => (ref.kind === 'endpoint' ? m.endpoint : m.name) === ref.id)
        .map((m) =>
          edgeOf(
            { kind: 'endpoint', id: m.endpoint },
            { kind: 'monitor', id: m.name },
            'watched by'
          )
        )
    },
  }
}
