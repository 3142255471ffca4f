import type { IncomingHttpHeaders } from 'node:http'
import type { Credentials } from './principal.ts'

/**
 * The API key in a request: `Authorization: Bearer <key>`, HTTP Basic with the key as password (any user name: MLflow's clients log in so),
 * `X-Api-Key` (Anthropic's clients) or `Api-Key` (Azure's).
 */
export function readCredentials(headers: IncomingHttpHeaders): Credentials {
  const authorization = headers.authorization
  if (authorization !== undefined) return fromAuthorization(authorization)
  const direct = headers['x-api-key'] ?? headers['api-key']
  return typeof direct === 'string' && direct !== '' ? { secret: direct } : null
}

function fromAuthorization(value: string): Credentials {
  const space = value.indexOf(' ')
  const scheme = value.slice(0, space).toLowerCase()
  const rest = value.slice(space + 1).trim()
  if (scheme === 'bearer') return { secret: rest }
  if (scheme !== 'basic') return { secret: '' }
  const decoded = Buffer.from(rest, 'base64').toString('utf8')
  return { secret: decoded.slice(decoded.indexOf(':') + 1) }
}
