import { createHmac } from 'node:crypto'

/** MLflow's signature of a delivery: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64 (mlflow/webhooks/delivery.py). */
export function signatureOf(
  secret: string,
  delivery: Readonly<{ id: string; timestamp: string; body: string }>
): string {
  const { id, timestamp, body } = delivery
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}
