import { formatShare } from '../lib/format.ts'
import { seriesColor } from './series-color.ts'

type TrafficBarProps = Readonly<{
  variants: readonly { name: string }[]
  weights: readonly { variant: string; basisPoints: number }[]
  shadows: readonly { variant: string; share: number }[]
  hasLegend?: boolean
}>

/** Who gets which share of the requests. A variant keeps its colour on the whole page: by its place in the endpoint. */
export function TrafficBar({ variants, weights, shadows, hasLegend = true }: TrafficBarProps) {
  const colorOf = (name: string) => seriesColor(variants.findIndex((v) => v.name === name))
  const live = weights.filter((w) => w.basisPoints > 0)
  const says = live.map((w) => `${w.variant} ${formatShare(w.basisPoints / 10_000)}`).join(', ')
  return (
    <div>
      <div className="traffic" role="img" aria-label={`Traffic: ${says === '' ? 'none' : says}`}>
        {live.map((w) => (
          <i
            key={w.variant}
            title={`${w.variant} ${formatShare(w.basisPoints / 10_000)}`}
            style={{ flexGrow: w.basisPoints, background: colorOf(w.variant) }}
          />
        ))}
      </div>
      {hasLegend ? (
        <div className="legend">
          {live.map((w) => (
            <span key={w.variant}>
              <i className="swatch" style={{ background: colorOf(w.variant) }} />
              {w.variant} <b className="num">{formatShare(w.basisPoints / 10_000)}</b>
            </span>
          ))}
          {shadows.map((s) => (
            <span key={s.variant}>
              <i className="swatch" data-shadow="" style={{ color: colorOf(s.variant) }} />
              {s.variant} shadows <b className="num">{formatShare(s.share)}</b>
            </span>
          ))}
        </div>
      ) : null}
    </div>
  )
}
