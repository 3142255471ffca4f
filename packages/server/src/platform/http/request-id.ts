import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'

const REQUEST_ID = /^[\w.:-]{1,128}$/

/** The caller's own id of a request, or one that is made for it. */
export function requestIdOf(headers: IncomingHttpHeaders, clock: Clock): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given)
    ? given
    : sortableId('req', clock.now())
}
