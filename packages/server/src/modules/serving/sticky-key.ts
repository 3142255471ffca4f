import type { LiveEndpoint } from './fleet.ts'
import { isRecord } from './named-inputs.ts'
import type { Payload } from './prepare-inputs.ts'

/** What of a request may decide. */
export type StickySources = Readonly<{
  apiKeyId: string | null
  header: (name: string) => string | undefined
  payload: Payload
}>

const STICKY_HEADER = 'x-trestle-sticky-key'

/**
 * What decides a request's bucket. By the endpoint's `stickyKey`: `header:<name>`, `api-key`, or the name of an input or entity (of the first row).
 * Without one, the header `x-trestle-sticky-key`, else the entity keys. Null when the request has none of it: then its id decides.
 */
export function stickyKeyOf(request: StickySources, endpoint: LiveEndpoint): string | null {
  const { stickyKey } = endpoint.stored
  if (stickyKey === null) return request.header(STICKY_HEADER) ?? entityKey(request, endpoint)
  if (stickyKey === 'api-key') return request.apiKeyId
  if (stickyKey.startsWith('header:'))
    return request.header(stickyKey.slice('header:'.length).toLowerCase()) ?? null
  return textOf(fieldOf(request, stickyKey)) ?? request.header(STICKY_HEADER) ?? null
}

function entityKey(request: StickySources, { variants }: LiveEndpoint): string | null {
  for (const { served } of variants.values()) {
    if (served === null) continue
    if (served.service === null) return null
    const values = served.service.entities.map(({ key }) => textOf(fieldOf(request, key)))
    return values.some((value) => value !== null) ? values.join('\u0000') : null
  }
  return null
}

function fieldOf({ payload }: StickySources, name: string): unknown {
  switch (payload.kind) {
    case 'rows': {
      const [first] = payload.rows
      return isRecord(first) && Object.hasOwn(first, name) ? first[name] : undefined
    }
    case 'tensors':
      return payload.tensors.find((tensor) => tensor.name === name)?.data[0]
  }
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : null
}
