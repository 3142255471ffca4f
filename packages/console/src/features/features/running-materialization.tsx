import { formatCount } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

/** How far the view's materialization is, while one runs. */
export function RunningMaterialization({ view }: { view: string }) {
  const running = useRead(
    ['feature-materializations'],
    (client) => client.features.materializations(),
    { everyMs: 2_000 }
  )
  const mine = running.data?.items.find((item) => item.view === view)
  if (mine === undefined) return null
  const parts = mine.segments === 0 ? '' : `, part ${mine.segmentsDone} of ${mine.segments}`
  return (
    <span className="dim">
      {' '}
      running: {formatCount(mine.rows)} rows{parts}
    </span>
  )
}
