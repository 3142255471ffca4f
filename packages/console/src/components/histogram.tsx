import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import { formatShare } from '../lib/format.ts'
import { SeriesLegend } from './time-chart.tsx'

type HistogramProps = Readonly<{
  label: string
  bins: readonly string[]
  reference: readonly number[]
  current: readonly number[]
}>

const SERIES = [
  { key: 'reference', label: 'reference', color: 'var(--idle)' },
  { key: 'current', label: 'current window', color: 'var(--series-1)' },
]

/** Two distributions side by side, as shares of their own rows: windows of different size stay comparable. */
export function Histogram({ label, bins, reference, current }: HistogramProps) {
  const sum = (values: readonly number[]) =>
    Math.max(
      values.reduce((a, b) => a + b, 0),
      1e-12
    )
  const [referenceSum, currentSum] = [sum(reference), sum(current)]
  const rows = bins.map((bin, i) => ({
    bin,
    reference: (reference[i] ?? 0) / referenceSum,
    current: (current[i] ?? 0) / currentSum,
  }))
  return (
    <figure className="chart" style={{ margin: 0 }} aria-label={label}>
      <ResponsiveContainer width="100%" height={170} initialDimension={{ width: 480, height: 170 }}>
        <BarChart
          data={rows}
          margin={{ top: 8, right: 8, bottom: 0, left: 0 }}
          barGap={1}
          barCategoryGap="18%"
        >
          <CartesianGrid vertical={false} />
          <XAxis
            dataKey="bin"
            tickLine={false}
            axisLine={{ stroke: 'var(--line)' }}
            tickMargin={6}
            minTickGap={14}
          />
          <YAxis
            tickFormatter={formatShare}
            tickLine={false}
            axisLine={false}
            width={52}
            tickCount={4}
          />
          <Tooltip
            isAnimationActive={false}
            cursor={{ fill: 'var(--line)', fillOpacity: 0.4 }}
            content={({ active, label, payload }) =>
              !active ? null : (
                <div className="chart-tip">
                  <b>{String(label)}</b>
                  <table>
                    <tbody>
                      {payload.map((entry) => (
                        <tr key={String(entry.dataKey)}>
                          <th>{entry.name}</th>
                          <td>{formatShare(Number(entry.value))}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )
            }
          />
          {SERIES.map((s) => (
            <Bar
              key={s.key}
              dataKey={s.key}
              name={s.label}
              fill={s.color}
              fillOpacity={0.85}
              isAnimationActive={false}
              radius={[2, 2, 0, 0]}
            />
          ))}
        </BarChart>
      </ResponsiveContainer>
      <SeriesLegend series={SERIES} />
    </figure>
  )
}
