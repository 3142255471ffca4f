import type { FeatureView } from '@trestle/contract'
import { StatusWord } from '../../components/status-word.tsx'
import { useNow } from '../../components/when.tsx'

/** Whether the newest value would still be served: past its ttl, every value is. */
export function Freshness({ view }: { view: Pick<FeatureView, 'newestEventAt' | 'ttlMs'> }) {
  const now = useNow()
  if (view.newestEventAt === null) return <StatusWord tone="idle" word="no rows" />
  if (view.ttlMs !== null && now - view.newestEventAt > view.ttlMs)
    return <StatusWord tone="bad" word="expired" />
  if (view.ttlMs !== null && now - view.newestEventAt > view.ttlMs / 2)
    return <StatusWord tone="warn" word="ageing" />
  return <StatusWord tone="ok" word="fresh" />
}
