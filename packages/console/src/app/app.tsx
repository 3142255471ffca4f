import { Suspense } from 'react'
import { Route, Switch, useLocation } from 'wouter'
import { useSession } from '../lib/trestle.tsx'
import { KeyGate } from './key-gate.tsx'
import { NotFoundPage } from './not-found-page.tsx'
import { PageBoundary } from './page-boundary.tsx'
import { PAGES } from './pages.ts'
import { Shell } from './shell.tsx'

export function App() {
  const { lockedBecause } = useSession()
  const [location] = useLocation()
  if (lockedBecause !== null) return <KeyGate reason={lockedBecause} />
  return (
    <Shell>
      <PageBoundary place={location}>
        <Suspense fallback={null}>
          <Switch>
            {PAGES.map(({ path, component }) => (
              <Route key={path} path={path} component={component} />
            ))}
            <Route component={NotFoundPage} />
          </Switch>
        </Suspense>
      </PageBoundary>
    </Shell>
  )
}
