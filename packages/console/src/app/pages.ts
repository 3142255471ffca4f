import { lazy } from 'react'

/** Every page, loaded when it is first opened. The first match wins. */
export const PAGES = [
  {
    path: '/',
    component: lazy(async () => ({
      default: (await import('../features/overview/overview-page.tsx')).OverviewPage,
    })),
  },
  {
    path: '/experiments',
    component: lazy(async () => ({
      default: (await import('../features/experiments/experiments-page.tsx')).ExperimentsPage,
    })),
  },
  {
    path: '/experiments/:id',
    component: lazy(async () => ({
      default: (await import('../features/experiments/experiment-page.tsx')).ExperimentPage,
    })),
  },
  {
    path: '/experiments/:id/runs/:run',
    component: lazy(async () => ({
      default: (await import('../features/experiments/run-page.tsx')).RunPage,
    })),
  },
  {
    path: '/experiments/:id/traces',
    component: lazy(async () => ({
      default: (await import('../features/traces/traces-page.tsx')).TracesPage,
    })),
  },
  {
    path: '/experiments/:id/traces/:trace',
    component: lazy(async () => ({
      default: (await import('../features/traces/trace-page.tsx')).TracePage,
    })),
  },
  {
    path: '/experiments/:id/compare/:a/:b',
    component: lazy(async () => ({
      default: (await import('../features/experiments/compare-page.tsx')).ComparePage,
    })),
  },
  {
    path: '/models',
    component: lazy(async () => ({
      default: (await import('../features/models/models-page.tsx')).ModelsPage,
    })),
  },
  {
    path: '/models/:name',
    component: lazy(async () => ({
      default: (await import('../features/models/model-page.tsx')).ModelPage,
    })),
  },
  {
    path: '/models/:name/:version',
    component: lazy(async () => ({
      default: (await import('../features/models/version-page.tsx')).VersionPage,
    })),
  },
  {
    path: '/models/:name/:version/card',
    component: lazy(async () => ({
      default: (await import('../features/models/card-page.tsx')).CardPage,
    })),
  },
  {
    path: '/models/:name/compare/:left/:right',
    component: lazy(async () => ({
      default: (await import('../features/models/compare-versions-page.tsx')).CompareVersionsPage,
    })),
  },
  {
    path: '/lineage/:kind/*',
    component: lazy(async () => ({
      default: (await import('../features/lineage/lineage-page.tsx')).LineagePage,
    })),
  },
  {
    path: '/features',
    component: lazy(async () => ({
      default: (await import('../features/features/features-page.tsx')).FeaturesPage,
    })),
  },
  {
    path: '/features/:name',
    component: lazy(async () => ({
      default: (await import('../features/features/view-page.tsx')).ViewPage,
    })),
  },
  {
    path: '/endpoints',
    component: lazy(async () => ({
      default: (await import('../features/endpoints/endpoints-page.tsx')).EndpointsPage,
    })),
  },
  {
    path: '/endpoints/:name',
    component: lazy(async () => ({
      default: (await import('../features/endpoints/endpoint-page.tsx')).EndpointPage,
    })),
  },
  {
    path: '/rollouts',
    component: lazy(async () => ({
      default: (await import('../features/rollouts/rollouts-page.tsx')).RolloutsPage,
    })),
  },
  {
    path: '/rollouts/:id',
    component: lazy(async () => ({
      default: (await import('../features/rollouts/rollout-page.tsx')).RolloutPage,
    })),
  },
  {
    path: '/batch',
    component: lazy(async () => ({
      default: (await import('../features/batch/batch-page.tsx')).BatchPage,
    })),
  },
  {
    path: '/batch/:id',
    component: lazy(async () => ({
      default: (await import('../features/batch/batch-job-page.tsx')).BatchJobPage,
    })),
  },
  {
    path: '/monitoring',
    component: lazy(async () => ({
      default: (await import('../features/monitoring/monitoring-page.tsx')).MonitoringPage,
    })),
  },
  {
    path: '/monitoring/reports/:id',
    component: lazy(async () => ({
      default: (await import('../features/monitoring/report-page.tsx')).ReportPage,
    })),
  },
  {
    path: '/monitoring/:name',
    component: lazy(async () => ({
      default: (await import('../features/monitoring/monitor-page.tsx')).MonitorPage,
    })),
  },
  {
    path: '/costs',
    component: lazy(async () => ({
      default: (await import('../features/costs/costs-page.tsx')).CostsPage,
    })),
  },
  {
    path: '/settings/:tab?',
    component: lazy(async () => ({
      default: (await import('../features/settings/settings-page.tsx')).SettingsPage,
    })),
  },
] as const
