import { collectDefaultMetrics, Registry } from 'prom-client'

/** The process's metrics, as Prometheus reads them at `/metrics`. */
export function createMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
