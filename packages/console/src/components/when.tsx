import { Tooltip } from '@mantine/core'
import { useSyncExternalStore } from 'react'
import { formatExactTime, formatRelative, NOTHING } from '../lib/format.ts'

const TICK_MS = 10_000

/** One clock for all shown times, so that they turn together. */
const ticker = {
  now: Date.now(),
  subscribe: (changed: () => void) => {
    // A page that opens later than the last tick would see its news in the future.
    ticker.now = Date.now()
    const timer = setInterval(() => {
      ticker.now = Date.now()
      changed()
    }, TICK_MS)
    return () => clearInterval(timer)
  },
}

export const useNow = (): number => useSyncExternalStore(ticker.subscribe, () => ticker.now)

/** How long ago; the exact time on hover. */
export function When({ at, none = NOTHING }: { at: number | null; none?: string }) {
  const now = Math.max(useNow(), at !== null && at - ticker.now < TICK_MS ? at : 0)
  if (at === null) return <span className="dim">{none}</span>
  return (
    <Tooltip label={formatExactTime(at)}>
      <time dateTime={new Date(at).toISOString()} style={{ whiteSpace: 'nowrap' }}>
        {formatRelative(at, now)}
      </time>
    </Tooltip>
  )
}
