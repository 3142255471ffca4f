import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import type { ArmStatsView, CostRow, Endpoint, ServingVariant } from '@trestle/contract'
import { Link } from 'wouter'
import { ConfirmButton } from '../../components/confirm-button.tsx'
import { DataTable, Figure, type Column } from '../../components/data-table.tsx'
import { Panel } from '../../components/page.tsx'
import { seriesColor } from '../../components/series-color.ts'
import { StatusWord, Tag } from '../../components/status-word.tsx'
import { formatCount, formatNumber, formatShare, formatUsd, NOTHING } from '../../lib/format.ts'
import { useStartOfHour } from '../../lib/spans.ts'
import { tellDone, tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'
import { AddVariantDialog } from './add-variant-dialog.tsx'

const DAY_MS = 86_400_000
const STATE_TONE = {
  ready: 'ok',
  loading: 'warn',
  failed: 'bad',
  evicted: 'idle',
  unloaded: 'idle',
} as const

type Row = Readonly<{
  variant: ServingVariant
  color: string
  share: number
  shadowShare: number
  arm: ArmStatsView | null
  cost: CostRow | null
}>

/** The variants side by side over the last day: what each answers, how well, how fast, for how much. */
export function VariantsPanel({ endpoint }: { endpoint: Endpoint }) {
  const from = useStartOfHour() - DAY_MS
  const arms = useRead(
    ['arms', endpoint.name, from],
    (client) => client.monitoring.listArms({ endpoint: endpoint.name, from }),
    {
      everyMs: 10_000,
    }
  )
  const costs = useRead(
    ['costs', 'variant', endpoint.name, from],
    (client) => client.costs.getCostReport({ groupBy: 'variant', endpoint: endpoint.name, from }),
    { everyMs: 30_000 }
  )
  const [isOpen, dialog] = useDisclosure(false)
  const rows = endpoint.variants.map((variant, i): Row => {
    const share = endpoint.traffic.weights.find((w) => w.variant === variant.name)?.basisPoints ?? 0
    const mine = arms.data?.items.filter((a) => a.variant === variant.name) ?? []
    return {
      variant,
      color: seriesColor(i),
      share: share / 10_000,
      shadowShare: endpoint.traffic.shadows.find((s) => s.variant === variant.name)?.share ?? 0,
      arm: mine.find((a) => a.role === (share > 0 ? 'live' : 'shadow')) ?? mine[0] ?? null,
      cost:
        costs.data?.rows.find((c) => c.group['variant'] === `${endpoint.name}/${variant.name}`) ??
        null,
    }
  })
  const columns: readonly Column<Row>[] = [
    ...COLUMNS,
    {
      header: '',
      isRight: true,
      cell: (row) => <RemoveVariant endpoint={endpoint.name} row={row} />,
    },
  ]
  return (
    <Panel
      title="Variants"
      says="The last 24 hours."
      end={
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={15} />}
          onClick={dialog.open}
        >
          Add variant
        </Button>
      }
      isFlush
    >
      <DataTable label="Variants" columns={columns} rows={rows} keyOf={(row) => row.variant.name} />
      <AddVariantDialog endpoint={endpoint.name} isOpen={isOpen} close={dialog.close} />
    </Panel>
  )
}

/** Only what has no traffic can go. */
function RemoveVariant({ endpoint, row }: { endpoint: string; row: Row }) {
  const { name } = row.variant
  const remove = useChange((client) => client.serving.removeVariant({ endpoint, variant: name }))
  if (row.share > 0 || row.shadowShare > 0) return null
  return (
    <ConfirmButton
      label="Remove"
      question={`Remove the variant ${name}?`}
      button={{ size: 'compact-xs', color: 'red', variant: 'subtle' }}
      onConfirm={() =>
        remove.mutate(undefined, {
          onSuccess: () => tellDone(`${name} is unloaded.`),
          onError: tellFailure,
        })
      }
    >
      It is unloaded from this endpoint. The model version stays registered.
    </ConfirmButton>
  )
}

const milliseconds = (value: number | null | undefined) =>
  value === null || value === undefined ? (
    NOTHING
  ) : (
    <Figure value={formatNumber(Number(value.toPrecision(3)))} unit="ms" />
  )

const COLUMNS: readonly Column<Row>[] = [
  {
    header: 'Variant',
    cell: ({ variant, color }) => (
      <>
        <i className="swatch" style={{ background: color }} />
        <b>{variant.name}</b>
      </>
    ),
  },
  {
    header: 'Model version',
    cell: ({ variant: { model } }) => (
      <Link className="link" href={`/models/${encodeURIComponent(model.name)}/${model.version}`}>
        {model.name} v{model.version}
      </Link>
    ),
  },
  {
    header: 'State',
    cell: ({ variant }) => (
      <span title={variant.error ?? undefined}>
        <StatusWord tone={STATE_TONE[variant.state]} word={variant.state} />
      </span>
    ),
  },
  {
    header: 'Traffic',
    isRight: true,
    cell: ({ share, shadowShare }) => (
      <>
        {formatShare(share)} {shadowShare > 0 ? <Tag>shadow {formatShare(shadowShare)}</Tag> : null}
      </>
    ),
  },
  {
    header: 'Requests',
    isRight: true,
    cell: ({ arm }) => (arm === null ? NOTHING : formatCount(arm.requests)),
  },
  {
    header: 'Errors',
    isRight: true,
    cell: ({ arm }) =>
      arm === null || arm.requests === 0 ? (
        NOTHING
      ) : (
        <span style={arm.errors > 0 ? { color: 'var(--bad)' } : {}}>
          {formatShare(arm.errors / arm.requests)}
        </span>
      ),
  },
  { header: 'p50', isRight: true, cell: ({ arm }) => milliseconds(arm?.latency.p50) },
  { header: 'p95', isRight: true, cell: ({ arm }) => milliseconds(arm?.latency.p95) },
  { header: 'p99', isRight: true, cell: ({ arm }) => milliseconds(arm?.latency.p99) },
  {
    header: 'Mean score',
    isRight: true,
    cell: ({ arm }) => (arm === null || arm.score.n === 0 ? NOTHING : formatNumber(arm.score.mean)),
  },
  {
    header: 'Cost per 1,000',
    isRight: true,
    cell: ({ cost }) =>
      cost === null ? (
        NOTHING
      ) : cost.loadedUsdPer1000 === null ? (
        <Tag>unpriced</Tag>
      ) : (
        formatUsd(cost.loadedUsdPer1000)
      ),
  },
]
