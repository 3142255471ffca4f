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
      // KServe's client shows the message only when the type is this, with no charset behind it.
      'content-type': 'application/json',
    },
    body: JSON.stringify({ error: error.message }),
  }
}

export const sendOipError = sendRefusal(refuseAsOip)
