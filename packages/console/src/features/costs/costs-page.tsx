import { SegmentedControl } from '@mantine/core'
import { IconCoin } from '@tabler/icons-react'
import type { Budget, CostReport, CostRow } from '@trestle/contract'
import { useState } from 'react'
import { DataTable, Figure, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { seriesColor } from '../../components/series-color.ts'
import { Stat, Stats } from '../../components/stat.tsx'
import { StatusWord, Tag, type Tone } from '../../components/status-word.tsx'
import { TimeChart, type ChartRow } from '../../components/time-chart.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, formatShare, formatUsd, NOTHING } from '../../lib/format.ts'
import { useStartOfHour } from '../../lib/spans.ts'
import { useRead } from '../../lib/trestle.tsx'
import { AdvicePanel } from './advice-panel.tsx'
import { periodStart } from './period-start.ts'
import { UtilisationPanel } from './utilisation-panel.tsx'

const HOUR_MS = 3_600_000
const SPANS = [
  { value: '24', label: '24 hours' },
  { value: '168', label: '7 days' },
  { value: '720', label: '30 days' },
]

export function CostsPage() {
  const [hours, setHours] = useState('24')
  const from = useStartOfHour() - (Number(hours) - 1) * HOUR_MS
  const report = useRead(
    ['costs', 'variants', from],
    (client) => client.costs.getCostReport({ groupBy: 'variant,role', from }),
    { everyMs: 30_000 }
  )
  const unit = Number(hours) <= 168 ? 'hour' : 'day'
  const series = useRead(
    ['costs', unit, from],
    (client) => client.costs.getCostReport({ groupBy: `${unit},endpoint`, from }),
    { everyMs: 30_000 }
  )
  return (
    <Page
      title="Costs"
      says="What the predictions cost. Rows and idle time add up to the whole bill, to the last digit."
      actions={<SegmentedControl data={SPANS} value={hours} onChange={setHours} size="xs" />}
    >
      <Loaded reading={report} lines={8}>
        {(data) => (
          <>
            <BillFigures report={data} />
            <Panel title="Cost per variant" says="Loaded: with its share of the idle time." isFlush>
              <CostTable report={data} />
            </Panel>
          </>
        )}
      </Loaded>
      <Loaded reading={series} lines={6}>
        {(data) => (
          <Panel
            title={`Cost per ${unit}`}
            says="Direct cost of the work, by endpoint, in US dollars."
          >
            <CostChart report={data} unit={unit} />
          </Panel>
        )}
      </Loaded>
      <AdvicePanel from={from} />
      <UtilisationPanel from={from} />
      <TokensPanel from={from} />
      <BudgetsPanel />
      <RatesPanel />
    </Page>
  )
}

function BillFigures({ report: { bill } }: { report: CostReport }) {
  const busy = bill.capacitySeconds === 0 ? null : bill.busySeconds / bill.capacitySeconds
  return (
    <Stats>
      <Stat
        label="Bill of the server"
        value={formatUsd(bill.billUsd)}
        note={
          bill.status === 'measured'
            ? 'at your own prices'
            : bill.status === 'estimated'
              ? 'estimated: built-in price'
              : 'part of it has no price'
        }
      />
      <Stat
        label="Spent on predictions"
        value={formatUsd(bill.directUsd)}
        note="time that was worked, tokens that were bought"
      />
      <Stat label="Idle" value={formatUsd(bill.idleUsd)} note="paid for, not used" />
      <Stat
        label="Used"
        value={busy === null ? NOTHING : formatShare(busy)}
        note="of the paid time"
      />
    </Stats>
  )
}

const money = (usd: string | null) => (usd === null ? <Tag>unpriced</Tag> : formatUsd(usd))

const COLUMNS: readonly Column<CostRow>[] = [
  {
    header: 'Variant',
    cell: (row) => (
      <>
        <b>{row.group['variant']}</b> {row.group['role'] === 'shadow' ? <Tag>shadow</Tag> : null}
      </>
    ),
  },
  { header: 'Predictions', isRight: true, cell: (row) => formatCount(row.predictions) },
  {
    header: 'Busy time',
    isRight: true,
    cell: (row) => (
      <Figure
        value={row.busySeconds < 10 ? row.busySeconds.toFixed(2) : formatCount(row.busySeconds)}
        unit="s"
      />
    ),
  },
  { header: 'Direct', isRight: true, cell: (row) => money(row.directUsd) },
  { header: 'With idle share', isRight: true, cell: (row) => money(row.loadedUsd) },
  { header: 'Direct per 1,000', isRight: true, cell: (row) => money(row.directUsdPer1000) },
  {
    header: 'Loaded per 1,000',
    isRight: true,
    cell: (row) => <b>{money(row.loadedUsdPer1000)}</b>,
  },
]

function CostTable({ report }: { report: CostReport }) {
  const { bill, rows } = report
  if (rows.length === 0)
    return (
      <Empty icon={IconCoin} title="Nothing was predicted in this time">
        The server still cost {formatUsd(bill.billUsd)}: idle time has a price too.
      </Empty>
    )
  return (
    <DataTable
      label="Cost per variant"
      columns={COLUMNS}
      rows={rows}
      keyOf={(row) => Object.values(row.group).join('/')}
      footer={
        <>
          {Number(bill.otherProjectsUsd) === 0 ? null : (
            <BillRow label="Other projects" usd={bill.otherProjectsUsd} />
          )}
          <BillRow label="Idle time" usd={bill.idleUsd} />
          <BillRow label="Bill of the whole server" usd={bill.billUsd} isStrong />
        </>
      }
    />
  )
}

function BillRow({
  label,
  usd,
  isStrong = false,
}: {
  label: string
  usd: string
  isStrong?: boolean
}) {
  return (
    <tr data-strong={isStrong ? '' : undefined}>
      <td className={isStrong ? undefined : 'dim'}>{label}</td>
      <td colSpan={2} />
      <td className="right">{formatUsd(usd)}</td>
      <td colSpan={3} />
    </tr>
  )
}

function CostChart({ report, unit }: { report: CostReport; unit: 'hour' | 'day' }) {
  const endpoints = [...new Set(report.rows.map((row) => row.group['endpoint'] ?? ''))].toSorted()
  const groups = Map.groupBy(report.rows, (row) => periodStart(row.group[unit] ?? ''))
  const stepMs = unit === 'hour' ? HOUR_MS : 24 * HOUR_MS
  const first = Math.floor(report.from / stepMs) * stepMs
  const rows = Array.from(
    { length: Math.ceil((report.to - first) / stepMs) },
    (_unused, i): ChartRow => {
      const x = first + i * stepMs
      const inside = groups.get(x) ?? []
      return {
        x,
        ...Object.fromEntries(
          endpoints.map((name) => [
            name,
            Number(inside.find((row) => row.group['endpoint'] === name)?.directUsd ?? 0),
          ])
        ),
      }
    }
  )
  return (
    <TimeChart
      label={`Direct cost per ${unit} by endpoint`}
      rows={rows}
      series={endpoints.map((name, i) => ({
        key: name,
        label: name,
        color: seriesColor(i),
        shape: 'step-area',
      }))}
      isStacked
      formatValue={(value) => formatUsd(value.toFixed(12))}
    />
  )
}

/** What LLM calls cost, by model and customer; nothing is shown where there are none. */
function TokensPanel({ from }: { from: number }) {
  const report = useRead(
    ['costs', 'tokens', from],
    (client) => client.costs.getCostReport({ groupBy: 'model,tag', from }),
    { everyMs: 30_000 }
  )
  const rows = (report.data?.rows ?? []).filter((row) => row.inputTokens + row.outputTokens > 0)
  if (rows.length === 0) return null
  return (
    <Panel title="LLM calls" says="By model and customer, at the price of each token." isFlush>
      <DataTable
        label="LLM calls"
        rows={rows}
        keyOf={(row) => Object.values(row.group).join('/')}
        columns={[
          { header: 'Model', cell: (row) => <b>{row.group['model']}</b> },
          {
            header: 'Customer',
            cell: (row) =>
              row.group['tag'] === '(none)' ? <span className="dim">–</span> : row.group['tag'],
          },
          { header: 'Calls', isRight: true, cell: (row) => formatCount(row.requests) },
          { header: 'Tokens in', isRight: true, cell: (row) => formatCount(row.inputTokens) },
          { header: 'Tokens out', isRight: true, cell: (row) => formatCount(row.outputTokens) },
          { header: 'Cost', isRight: true, cell: (row) => <b>{money(row.directUsd)}</b> },
          {
            header: 'Per million tokens',
            isRight: true,
            cell: (row) =>
              row.loadedUsdPerMillionTokens === null
                ? NOTHING
                : formatUsd(row.loadedUsdPerMillionTokens),
          },
          {
            header: 'Sure',
            cell: (row) => (row.status === 'measured' ? 'measured' : <Tag>{row.status}</Tag>),
          },
        ]}
      />
    </Panel>
  )
}

const BUDGET_TONES: Record<Budget['state'], Tone> = {
  ok: 'ok',
  warning: 'warn',
  exceeded: 'bad',
  unknown: 'idle',
}

function BudgetsPanel() {
  const budgets = useRead(['budgets'], (client) => client.costs.listBudgets(), { everyMs: 30_000 })
  const items = budgets.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Panel title="Budgets" isFlush>
      <DataTable
        label="Budgets"
        rows={items}
        keyOf={(b) => b.name}
        columns={[
          { header: 'Budget', cell: (b) => <b>{b.name}</b> },
          {
            header: 'For',
            cell: (b) =>
              b.endpoint ??
              b.tag ??
              b.apiKey ??
              (b.everyProject ? 'every project' : 'the whole project'),
          },
          {
            header: 'State',
            cell: (b) => <StatusWord tone={BUDGET_TONES[b.state]} word={b.state} />,
          },
          {
            header: 'Spent',
            isRight: true,
            cell: (b) => (b.spentUsd === null ? NOTHING : formatUsd(b.spentUsd)),
          },
          { header: 'Budget', isRight: true, cell: (b) => `${formatUsd(b.usd)} a ${b.period}` },
          {
            header: 'Used',
            isRight: true,
            cell: (b) => (b.share === null ? NOTHING : formatShare(b.share)),
          },
          {
            header: 'Heading for',
            isRight: true,
            cell: (b) => (b.forecastUsd === null ? NOTHING : formatUsd(b.forecastUsd)),
          },
          {
            header: 'Burn rate',
            isRight: true,
            cell: (b) => (b.burnRate === null ? NOTHING : `${b.burnRate.toFixed(1)}×`),
          },
          {
            header: 'When spent',
            cell: (b) => (b.hardStop ? 'predictions are refused' : 'only told'),
          },
        ]}
      />
    </Panel>
  )
}

function RatesPanel() {
  const cards = useRead(['rate-cards'], (client) => client.costs.listRateCards())
  return (
    <Loaded reading={cards}>
      {({ items }) => (
        <Panel title="Prices" says="An hour is priced by the card that stood at that hour." isFlush>
          <DataTable
            label="Rate cards"
            rows={items}
            keyOf={(card) => card.name}
            columns={[
              {
                header: 'Rate card',
                cell: (card) => (
                  <>
                    <b>{card.name}</b> {card.isDefault ? <Tag>built in</Tag> : null}
                  </>
                ),
              },
              { header: 'Device', cell: (card) => card.device },
              {
                header: 'Per unit and hour',
                isRight: true,
                cell: (card) => formatUsd(card.usdPerUnitHour),
              },
              { header: 'Units', isRight: true, cell: (card) => card.units ?? 'as found' },
              {
                header: 'From',
                cell: (card) => (card.validFrom === 0 ? 'always' : <When at={card.validFrom} />),
              },
              { header: 'Source', cell: (card) => <span className="dim">{card.source}</span> },
            ]}
          />
        </Panel>
      )}
    </Loaded>
  )
}
