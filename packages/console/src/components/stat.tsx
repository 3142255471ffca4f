import type { ReactNode } from 'react'
import { Link } from 'wouter'

type StatProps = Readonly<{
  label: string
  value: string
  unit?: string
  note?: ReactNode
  href?: string
}>

/** One figure of a row of figures. */
export function Stat({ label, value, unit, note, href }: StatProps) {
  const inside = (
    <>
      <div className="stat-label">{label}</div>
      <div className="stat-value">
        {value}
        {unit === undefined ? null : <small>{unit}</small>}
      </div>
      <div className="stat-note">{note}</div>
    </>
  )
  if (href === undefined) return <div className="stat">{inside}</div>
  return (
    <Link href={href} className="stat">
      {inside}
    </Link>
  )
}

export const Stats = ({ children }: { children: ReactNode }) => (
  <div className="stats">{children}</div>
)
