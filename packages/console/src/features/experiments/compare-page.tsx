import type { WireRun } from '@trestle/contract'
import { Link, useParams } from 'wouter'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { seriesColor } from '../../components/series-color.ts'
import { formatNumber, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { MetricCharts } from './metric-charts.tsx'
import { keysOf, metricsOf, paramsOf } from './runs.ts'

/** Two runs side by side. */
export function ComparePage() {
  const { id = '', a = '', b = '' } = useParams()
  const runs = useRead(['compare', a, b], async (client) => {
    const [first, second] = await Promise.all([
      client.tracking.getRun({ run_id: a }),
      client.tracking.getRun({ run_id: b }),
    ])
    return [first.run, second.run] as const
  })
  return (
    <Page
      title="Compare two runs"
      parent={{ label: 'Experiment', href: `/experiments/${id}` }}
      says="What differs between them: params that changed are marked, metrics with their difference."
    >
      <Loaded reading={runs} lines={10}>
        {([first, second]) => <Comparison runs={[first, second]} />}
      </Loaded>
    </Page>
  )
}

function Comparison({ runs }: { runs: readonly [WireRun, WireRun] }) {
  const metrics = runs.map(metricsOf)
  const params = runs.map(paramsOf)
  const metricKeys = keysOf(metrics)
  const head = (what: string) => (
    <thead>
      <tr>
        <th>{what}</th>
        {runs.map(({ info }, i) => (
          <th key={info.run_id} className="right">
            <i className="swatch" style={{ background: seriesColor(i) }} />
            <Link className="link" href={`/experiments/${info.experiment_id}/runs/${info.run_id}`}>
              {info.run_name}
            </Link>
          </th>
        ))}
        <th className="right">{what === 'Metric' ? 'Difference' : ''}</th>
      </tr>
    </thead>
  )
  return (
    <>
      <Panel title="Metrics" isFlush>
        <table className="table" aria-label="Metrics of both runs">
          {head('Metric')}
          <tbody>
            {metricKeys.map((key) => {
              const [x, y] = [metrics[0]?.get(key), metrics[1]?.get(key)]
              return (
                <tr key={key}>
                  <td>{key}</td>
                  <td className="right">{x === undefined ? NOTHING : formatNumber(x)}</td>
                  <td className="right">{y === undefined ? NOTHING : formatNumber(y)}</td>
                  <td className="right dim">
                    {x === undefined || y === undefined
                      ? NOTHING
                      : `${y > x ? '+' : ''}${formatNumber(y - x)}`}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </Panel>
      <Panel title="Params" isFlush>
        <table className="table" aria-label="Params of both runs">
          {head('Param')}
          <tbody>
            {keysOf(params).map((key) => {
              const [x, y] = [params[0]?.get(key), params[1]?.get(key)]
              return (
                <tr
                  key={key}
                  style={
                    x === y ? {} : { background: 'color-mix(in srgb, var(--warn) 9%, transparent)' }
                  }
                >
                  <td>{key}</td>
                  <td className="right">
                    <code>{x ?? NOTHING}</code>
                  </td>
                  <td className="right">
                    <code>{y ?? NOTHING}</code>
                  </td>
                  <td className="right dim">{x === y ? 'same' : 'changed'}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </Panel>
      <MetricCharts
        metrics={metricKeys}
        runs={runs.map(({ info }) => ({ id: info.run_id, name: info.run_name }))}
      />
    </>
  )
}
