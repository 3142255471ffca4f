import {
  Area,
  CartesianGrid,
  ComposedChart,
  Line,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts'
import { formatExactTime, formatNumber } from '../lib/format.ts'

export type Series = Readonly<{
  key: string
  label: string
  color: string
  shape?: 'line' | 'step' | 'area' | 'step-area'
  isDashed?: boolean
}>
/** One moment (or step) and the value of each series there. */
export type ChartRow = Readonly<{ x: number } & Record<string, number | null>>

type TimeChartProps = Readonly<{
  label: string
  rows: readonly ChartRow[]
  series: readonly Series[]
  /** What the x axis counts. */
  axis?: 'time' | 'step'
  height?: number
  unit?: string
  domain?: [number, number | 'auto']
  isStacked?: boolean
  formatValue?: (value: number) => string
  marks?: readonly { y: number; label: string }[]
}>

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const seconds = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const DAY_MS = 86_400_000

/** Values over time or steps. Colours come from the page's tokens, so that both themes hold. */
export function TimeChart(props: TimeChartProps) {
  const { rows, series, axis = 'time', height = 220, formatValue = formatNumber } = props
  const first = rows[0]?.x ?? 0
  const spanMs = (rows.at(-1)?.x ?? 0) - first
  const tick = spanMs > 1.5 * DAY_MS ? day : spanMs < 600_000 ? seconds : clock
  const sayX = (x: number, isExact: boolean): string => {
    if (axis === 'step') return isExact ? `step ${formatNumber(x)}` : formatNumber(x)
    if (isExact) return formatExactTime(x)
    return tick.format(x)
  }
  const withUnit = (value: number) =>
    formatValue(value) + (props.unit === undefined ? '' : ` ${props.unit}`)
  return (
    <figure className="chart" style={{ margin: 0 }} aria-label={props.label}>
      <ResponsiveContainer width="100%" height={height} initialDimension={{ width: 600, height }}>
        <ComposedChart data={[...rows]} margin={{ top: 8, right: 12, bottom: 0, left: 0 }}>
          <CartesianGrid vertical={false} strokeWidth={1} />
          <XAxis
            dataKey="x"
            type="number"
            scale={axis === 'time' ? 'time' : 'linear'}
            domain={['dataMin', 'dataMax']}
            tickFormatter={(x: number) => sayX(x, false)}
            tickLine={false}
            axisLine={{ stroke: 'var(--line)' }}
            minTickGap={48}
            tickMargin={6}
          />
          <YAxis
            tickFormatter={formatValue}
            tickLine={false}
            axisLine={false}
            width="auto"
            domain={props.domain ?? [0, 'auto']}
            tickCount={5}
          />
          <Tooltip
            isAnimationActive={false}
            content={({ active, label, payload }) =>
              !active || payload.length === 0 ? null : (
                <div className="chart-tip">
                  <b>{sayX(Number(label), true)}</b>
                  <table>
                    <tbody>
                      {payload.map((entry) => (
                        <tr key={String(entry.dataKey)}>
                          <th>
                            <i className="swatch" style={{ background: entry.color }} />
                            {entry.name}
                          </th>
                          <td>{typeof entry.value === 'number' ? withUnit(entry.value) : '–'}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )
            }
          />
          {(props.marks ?? []).map((mark) => (
            <ReferenceLine
              key={mark.label}
              y={mark.y}
              stroke="var(--bad)"
              strokeDasharray="4 3"
              label={{ value: mark.label, position: 'insideTopRight' }}
              ifOverflow="extendDomain"
            />
          ))}
          {series.map((s) => drawSeries(s, props.isStacked === true))}
        </ComposedChart>
      </ResponsiveContainer>
      {series.length > 1 ? <SeriesLegend series={series} /> : null}
    </figure>
  )
}

function drawSeries(s: Series, isStacked: boolean) {
  const type = s.shape === 'step' || s.shape === 'step-area' ? 'stepAfter' : 'linear'
  const shared = {
    key: s.key,
    dataKey: s.key,
    name: s.label,
    type,
    stroke: s.color,
    strokeWidth: 2,
    isAnimationActive: false,
    connectNulls: false,
    ...(s.isDashed === true ? { strokeDasharray: '5 4' } : {}),
  } as const
  const { key, ...rest } = shared
  if (s.shape === 'area' || s.shape === 'step-area')
    return (
      <Area
        key={key}
        {...rest}
        fill={s.color}
        fillOpacity={0.18}
        {...(isStacked ? { stackId: 'all' } : {})}
      />
    )
  return <Line key={key} {...rest} dot={false} activeDot={{ r: 3.5 }} />
}

export function SeriesLegend({
  series,
}: {
  series: readonly Pick<Series, 'key' | 'label' | 'color'>[]
}) {
  return (
    <figcaption className="legend" style={{ paddingLeft: 52 }}>
      {series.map((s) => (
        <span key={s.key}>
          <i className="swatch" style={{ background: s.color }} />
          {s.label}
        </span>
      ))}
    </figcaption>
  )
}
