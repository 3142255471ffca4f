import { Panel } from '../../components/page.tsx'
import { seriesColor } from '../../components/series-color.ts'
import { TimeChart, type ChartRow } from '../../components/time-chart.tsx'
import { useRead } from '../../lib/trestle.tsx'

type RunName = Readonly<{ id: string; name: string }>

/** One metric of one or several runs, by step. Nothing is drawn for a metric that was logged once: the table has it. */
export function MetricChart({ metric, runs }: { metric: string; runs: readonly RunName[] }) {
  const ids = runs.map((run) => run.id)
  const history = useRead(['metric', metric, ...ids], (client) =>
    client.tracking.getMetricHistories({ run_ids: ids, metric_key: metric, max_results: 500 })
  )
  const points = history.data?.metrics ?? []
  if (points.length <= runs.length) return null
  const rows = [...Map.groupBy(points, (point) => point.step)]
    .map(([step, here]): ChartRow => ({
      x: step,
      ...Object.fromEntries(here.map((point) => [point.run_id, Number(point.value)])),
    }))
    .toSorted((a, b) => a.x - b.x)
  const values = points.map((point) => Number(point.value)).filter((v) => Number.isFinite(v))
  return (
    <Panel title={metric}>
      <TimeChart
        label={`${metric} by step`}
        axis="step"
        height={190}
        rows={rows}
        domain={[
          Math.min(...values) < 0 || Math.min(...values) > 0.5 * Math.max(...values)
            ? Math.min(...values)
            : 0,
          'auto',
        ]}
        series={runs.map((run, i) => ({ key: run.id, label: run.name, color: seriesColor(i) }))}
      />
    </Panel>
  )
}

export const MetricCharts = ({
  metrics,
  runs,
}: {
  metrics: readonly string[]
  runs: readonly RunName[]
}) => (
  <div className="cols">
    {metrics.map((metric) => (
      <MetricChart key={metric} metric={metric} runs={runs} />
    ))}
  </div>
)
