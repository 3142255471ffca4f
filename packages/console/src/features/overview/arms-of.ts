import type { ArmStatsView, Endpoint } from '@trestle/contract'
import { useQueries } from '@tanstack/react-query'
import { useSession } from '../../lib/trestle.tsx'

export type ArmSum = Readonly<{ requests: number; errors: number; p95: number | null }>

/** Live requests of each endpoint since a moment. */
export function useArmsOf(
  endpoints: readonly Endpoint[],
  from: number
): ReadonlyMap<string, ArmSum> {
  const { client, project } = useSession()
  const readings = useQueries({
    queries: endpoints.map(({ name }) => ({
      queryKey: [project, 'arms', name, from],
      queryFn: () => client.monitoring.listArms({ endpoint: name, from }),
      refetchInterval: 10_000,
    })),
  })
  return new Map(endpoints.map(({ name }, i) => [name, sumOf(readings[i]?.data?.items ?? [])]))
}

const sumOf = (arms: readonly ArmStatsView[]): ArmSum =>
  sumArms(
    arms
      .filter((arm) => arm.role === 'live')
      .map((arm) => ({ requests: arm.requests, errors: arm.errors, p95: arm.latency.p95 }))
  )

/** Counts add up; quantiles do not: the worst stands for all. */
export function sumArms(arms: readonly ArmSum[]): ArmSum {
  const latencies = arms.map((arm) => arm.p95).filter((p95) => p95 !== null)
  return {
    requests: arms.reduce((sum, arm) => sum + arm.requests, 0),
    errors: arms.reduce((sum, arm) => sum + arm.errors, 0),
    p95: latencies.length === 0 ? null : Math.max(...latencies),
  }
}
