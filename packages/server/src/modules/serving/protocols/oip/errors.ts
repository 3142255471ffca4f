import { ERRORS } from '@trestle/contract'
import { sendRefusal, type Refusal } from '../../../../platform/http/index.ts'

/** A failure in the protocol's form: `{"error": "<message>"}`. */
export const refuseAsOip: Refusal = (error) => {
  const { status } = ERRORS[error.code]
  return {
    status,
    headers: {
      ...(status === 503 || status === 429 ? { 'retry-after': '1' } : {}),
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="trestle"' } : {}),
      'content-type': 'application/json; charset=utf-8',
    },
    body: JSON.stringify({ error: error.message }),
  }
}

export const sendOipError = sendRefusal(refuseAsOip)
