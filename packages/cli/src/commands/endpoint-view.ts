import type { Endpoint } from '@trestle/contract'
import { showTime, type Output } from '../output.ts'

/** An endpoint as people read it. */
export function showEndpoint(out: Output, endpoint: Endpoint): void {
  if (out.json(endpoint)) return
  out.record(endpoint, [
    ['name', endpoint.name],
    ['feature service', endpoint.featureService],
    ['sticky key', endpoint.stickyKey],
    ['columns', endpoint.columns?.join(', ')],
    ['updated', showTime(endpoint.updatedAt)],
  ])
  const { weights, shadows } = endpoint.traffic
  const share = (basisPoints = 0): string => `${basisPoints / 100}%`
  out.say('')
  out.table(
    endpoint.variants,
    [
      ['variant', (v) => v.name],
      ['model', (v) => `${v.model.name}/${v.model.version}`],
      ['state', (v) => v.state],
      ['weight', (v) => share(weights.find((w) => w.variant === v.name)?.basisPoints)],
      ['shadow', (v) => shadows.find((s) => s.variant === v.name)?.share],
      ['error', (v) => v.error],
    ],
    'No variants.'
  )
}
