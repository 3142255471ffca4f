import { formatNumber } from '../lib/format.ts'
import type { Tone } from './status-word.tsx'

type IntervalPlotProps = Readonly<{
  label: string
  estimate: number | null
  /** Null bounds are open. */
  interval: { low: number | null; high: number | null } | null
  threshold: number
  tone: Tone
}>

const WIDTH = 260
const HEIGHT = 34
const PAD = 8

/**
 * How much worse the candidate is, with its uncertainty, against the most that is accepted: an interval wholly left of the line passes, one wholly
 * right of it fails, one across it is undecided.
 */
export function IntervalPlot({ label, estimate, interval, threshold, tone }: IntervalPlotProps) {
  const known = [0, threshold, estimate, interval?.low ?? null, interval?.high ?? null].filter(
    (v) => v !== null
  )
  const low = Math.min(...known)
  const high = Math.max(...known)
  const span = high - low || 1
  const x = (value: number) =>
    PAD + ((value - low + span * 0.06) / (span * 1.12)) * (WIDTH - 2 * PAD)
  const limit = x(threshold)
  const y = HEIGHT / 2 - 5
  return (
    <svg
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
      data-tone={tone}
      style={{ maxWidth: '100%' }}
    >
      <rect
        x={limit}
        y={2}
        width={Math.max(WIDTH - limit, 0)}
        height={20}
        fill="var(--bad)"
        opacity="0.08"
      />
      <line x1={x(0)} x2={x(0)} y1={2} y2={22} stroke="var(--line)" />
      <line x1={limit} x2={limit} y1={0} y2={24} stroke="var(--bad)" strokeDasharray="3 2" />
      {interval === null ? null : (
        <line
          x1={interval.low === null ? 0 : x(interval.low)}
          x2={interval.high === null ? WIDTH : x(interval.high)}
          y1={y}
          y2={y}
          stroke="var(--tone)"
          strokeWidth="5"
          strokeLinecap={interval.low === null || interval.high === null ? 'butt' : 'round'}
          opacity="0.45"
        />
      )}
      {estimate === null ? null : <circle cx={x(estimate)} cy={y} r="4" fill="var(--tone)" />}
      <g fontSize="10" fill="var(--ink-3)">
        <text x={x(0)} y={33} textAnchor={x(0) < 20 ? 'start' : 'middle'}>
          0
        </text>
        <text x={limit} y={33} textAnchor={limit > WIDTH - 30 ? 'end' : 'middle'}>
          {formatNumber(threshold)}
        </text>
      </g>
    </svg>
  )
}
