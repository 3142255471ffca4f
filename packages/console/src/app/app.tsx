import { lazy, Suspense } from 'react'
import { Route, Switch, useLocation } from 'wouter'
import { useSession } from '../lib/trestle.tsx'
import { KeyGate } from './key-gate.tsx'
import { NotFoundPage } from './not-found-page.tsx'
import { PageBoundary } from './page-boundary.tsx'
import { Shell } from './shell.tsx'

const SettingsPage = lazy(async () => ({
  default: (await import('../features/settings/settings-page.tsx')).SettingsPage,
}))

export function App() {
  const { lockedBecause } = useSession()
  const [location] = useLocation()
  if (lockedBecause !== null) return <KeyGate reason={lockedBecause} />
  return (
    <Shell>
      <PageBoundary place={location}>
        <Suspense fallback={null}>
          <Switch>
            <Route path="/settings/:tab?" component={SettingsPage} />
            <Route component={NotFoundPage} />
          </Switch>
        </Suspense>
      </PageBoundary>
    </Shell>
  )
}
