import { IconRocket } from '@tabler/icons-react'
import type { Endpoint } from '@trestle/contract'
import { Link } from 'wouter'
import { DataTable, Figure, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { Stat, Stats } from '../../components/stat.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { TrafficBar } from '../../components/traffic-bar.tsx'
import { formatCount, formatNumber, formatShare, formatUsd, NOTHING } from '../../lib/format.ts'
import { useStartOfDay } from '../../lib/spans.ts'
import { useRead } from '../../lib/trestle.tsx'
import { endpointHealth } from '../endpoints/endpoint-health.ts'
import { AlertsTable } from '../monitoring/alerts-table.tsx'
import { RolloutsTable } from '../rollouts/rollouts-page.tsx'
import { sumArms, useArmsOf, type ArmSum } from './arms-of.ts'

const FIRST_STEP = 'npm run demo'

export function OverviewPage() {
  const endpoints = useRead(['endpoints'], (client) => client.serving.listEndpoints(), {
    everyMs: 10_000,
  })
  return (
    <Page
      title="Overview"
      says="What is being served right now, how well it goes, and what it costs."
    >
      <Loaded reading={endpoints} lines={8}>
        {({ items }) =>
          items.length === 0 ? (
            <Panel>
              <Empty icon={IconRocket} title="Nothing is served yet" command={FIRST_STEP}>
                The demo brings a model, an endpoint and traffic; or begin with{' '}
                <Link href="/models" className="link">
                  a model of your own
                </Link>
                .
              </Empty>
            </Panel>
          ) : (
            <Overview endpoints={items} />
          )
        }
      </Loaded>
    </Page>
  )
}

function Overview({ endpoints }: { endpoints: readonly Endpoint[] }) {
  const today = useStartOfDay()
  const arms = useArmsOf(endpoints, today)
  const alerts = useRead(
    ['alerts', 'firing'],
    (client) => client.monitoring.listAlerts({ state: 'firing', limit: 50 }),
    {
      everyMs: 10_000,
    }
  )
  const rollouts = useRead(['rollouts'], (client) => client.rollouts.listRollouts({ limit: 100 }), {
    everyMs: 10_000,
  })
  const costs = useRead(
    ['costs', 'today', today],
    (client) => client.costs.getCostReport({ groupBy: 'endpoint', from: today }),
    {
      everyMs: 30_000,
    }
  )
  const total = sumArms([...arms.values()])
  const running = rollouts.data?.items.filter((r) => r.isActive) ?? []
  const firing = alerts.data?.items ?? []
  const priced = costs.data?.rows.map((row) => row.loadedUsd).filter((usd) => usd !== null) ?? []
  return (
    <>
      <Stats>
        <Stat
          label="Requests today"
          value={formatCount(total.requests)}
          note={`${endpoints.length} ${endpoints.length === 1 ? 'endpoint' : 'endpoints'}`}
          href="/endpoints"
        />
        <Stat
          label="Errors today"
          value={total.requests === 0 ? NOTHING : formatShare(total.errors / total.requests)}
          note={total.errors === 0 ? 'none failed' : `${formatCount(total.errors)} failed`}
          href="/endpoints"
        />
        <Stat
          label="Open alerts"
          value={alerts.data === undefined ? NOTHING : String(firing.length)}
          note={firing[0]?.title ?? 'no drift found'}
          href="/monitoring"
        />
        <Stat
          label="Running rollouts"
          value={rollouts.data === undefined ? NOTHING : String(running.length)}
          note={
            running[0] === undefined
              ? 'none under way'
              : `${running[0].model.name} v${running[0].model.version} → ${running[0].endpoint}`
          }
          href="/rollouts"
        />
        <Stat
          label="Server cost today"
          value={costs.data === undefined ? NOTHING : formatUsd(costs.data.bill.billUsd)}
          note={
            costs.data === undefined
              ? ''
              : priced.length === 0
                ? 'all of it idle time'
                : `idle ${formatUsd(costs.data.bill.idleUsd)}`
          }
          href="/costs"
        />
      </Stats>
      <Panel title="Endpoints" says="Today." isFlush>
        <DataTable
          label="Endpoints"
          columns={columnsOf(
            arms,
            new Map(
              costs.data?.rows.map((row) => [row.group['endpoint'] ?? '', row.loadedUsdPer1000])
            )
          )}
          rows={endpoints}
          keyOf={(e) => e.name}
        />
      </Panel>
      {running.length === 0 ? null : (
        <Panel title="Running rollouts" isFlush>
          <RolloutsTable rollouts={running} />
        </Panel>
      )}
      {firing.length === 0 ? null : (
        <Panel title="Open alerts" isFlush>
          <AlertsTable alerts={firing} />
        </Panel>
      )}
    </>
  )
}

const columnsOf = (
  arms: ReadonlyMap<string, ArmSum>,
  cost: ReadonlyMap<string, string | null>
): Column<Endpoint>[] => [
  {
    header: 'Endpoint',
    cell: (e) => {
      const health = endpointHealth(e)
      return (
        <>
          <Link href={`/endpoints/${e.name}`} className="link">
            {e.name}
          </Link>
          <div>
            <StatusWord tone={health.tone} word={health.word} />
          </div>
        </>
      )
    },
  },
  {
    header: 'Traffic',
    width: '34%',
    cell: (e) => <TrafficBar variants={e.variants} {...e.traffic} />,
  },
  { header: 'Requests', isRight: true, cell: (e) => formatCount(arms.get(e.name)?.requests ?? 0) },
  {
    header: 'Errors',
    isRight: true,
    cell: (e) => {
      const arm = arms.get(e.name)
      return arm === undefined || arm.requests === 0
        ? NOTHING
        : formatShare(arm.errors / arm.requests)
    },
  },
  {
    header: 'p95',
    isRight: true,
    cell: (e) => {
      const p95 = arms.get(e.name)?.p95 ?? null
      return p95 === null ? (
        NOTHING
      ) : (
        <Figure value={formatNumber(Number(p95.toPrecision(3)))} unit="ms" />
      )
    },
  },
  {
    header: 'Cost per 1,000 predictions',
    isRight: true,
    cell: (e) => {
      const usd = cost.get(e.name) ?? null
      return usd === null ? NOTHING : formatUsd(usd)
    },
  },
]
