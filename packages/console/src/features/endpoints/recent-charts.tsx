import { IconChartLine } from '@tabler/icons-react'
import type { Endpoint, Prediction } from '@trestle/contract'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/page.tsx'
import { seriesColor } from '../../components/series-color.ts'
import { TimeChart, type ChartRow, type Series } from '../../components/time-chart.tsx'
import { formatCount } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { bucketStep, toBuckets } from './buckets.ts'

const LATEST = 1000

/** Throughput and latency per variant over the newest live predictions. */
export function RecentCharts({ endpoint }: { endpoint: Endpoint }) {
  const predictions = useRead(
    ['predictions', endpoint.name, 'live'],
    (client) =>
      client.monitoring.listPredictions({ endpoint: endpoint.name, role: 'live', limit: LATEST }),
    { everyMs: 10_000 }
  )
  return (
    <Loaded reading={predictions} lines={8}>
      {({ items }) =>
        items.length === 0 ? (
          <Panel>
            <Empty icon={IconChartLine} title="No predictions yet">
              Send one from the tab “Try it”; it shows up here within seconds.
            </Empty>
          </Panel>
        ) : (
          <Charts endpoint={endpoint} predictions={items} />
        )
      }
    </Loaded>
  )
}

function Charts({
  endpoint,
  predictions,
}: {
  endpoint: Endpoint
  predictions: readonly Prediction[]
}) {
  const names = [
    ...new Set([...endpoint.variants.map((v) => v.name), ...predictions.map((p) => p.variant)]),
  ]
  const times = predictions.map((p) => p.at)
  const span = { from: Math.min(...times), to: Math.max(...times) }
  const stepMs = bucketStep(span.to - span.from)
  const perVariant = names.map((name) => ({
    name,
    buckets: toBuckets(
      predictions.filter((p) => p.variant === name),
      { ...span, stepMs }
    ),
  }))
  const rowsOf = (pick: 'rate' | 'p95'): ChartRow[] =>
    (perVariant[0]?.buckets ?? []).map((bucket, i) => ({
      x: bucket.at,
      ...Object.fromEntries(
        perVariant.map(({ name, buckets }) => {
          const b = buckets[i]
          return [
            name,
            b === undefined ? null : pick === 'p95' ? b.p95 : (b.requests / stepMs) * 1000,
          ]
        })
      ),
    }))
  const series = (shape: 'area' | 'line'): Series[] =>
    names
      .map((name, i): Series => ({ key: name, label: name, color: seriesColor(i), shape }))
      .filter(({ key }) => predictions.some((p) => p.variant === key))
  const says =
    predictions.length < LATEST
      ? 'All predictions.'
      : `The latest ${formatCount(LATEST)} predictions.`
  return (
    <div className="cols">
      <Panel title="Requests per second" says={says}>
        <TimeChart
          label="Requests per second by variant"
          rows={rowsOf('rate')}
          series={series('area')}
          isStacked
          unit="/s"
        />
      </Panel>
      <Panel title="Latency, p95" says="In milliseconds, features and queue included.">
        <TimeChart
          label="95th percentile of the latency by variant"
          rows={rowsOf('p95')}
          series={series('line')}
          unit="ms"
        />
      </Panel>
    </div>
  )
}
