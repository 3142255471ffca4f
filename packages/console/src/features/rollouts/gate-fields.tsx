import { ActionIcon, Checkbox, NumberInput, Select, TextInput } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import type { GateInput, GateMetric } from '@trestle/contract'
import { inWords } from '../../lib/format.ts'

/** What each gate watches, and the unit of its margin. */
const GATES: Readonly<Partial<Record<GateMetric, { margin: number; unit: string }>>> = {
  'error-rate': { margin: 0.01, unit: 'points as a share: 0.01 is one' },
  'timeout-rate': { margin: 0.01, unit: 'points as a share' },
  'latency-p50': { margin: 0.25, unit: 'more, as a ratio' },
  'latency-p95': { margin: 0.25, unit: 'more, as a ratio' },
  'latency-p99': { margin: 0.5, unit: 'more, as a ratio' },
  'nan-outputs': { margin: 0.01, unit: 'points as a share' },
  'output-schema': { margin: 0.01, unit: 'share of answers' },
  'prediction-distribution': { margin: 0.2, unit: 'Kolmogorov-Smirnov distance' },
  'feature-freshness': { margin: 0.5, unit: 'older, as a ratio' },
  'feature-consistency': { margin: 0, unit: 'as its views say' },
  'input-drift': { margin: 0, unit: 'as the monitors say' },
  agreement: { margin: 0.1, unit: 'share that differs (shadow)' },
  'score-difference': { margin: 0.1, unit: 'of the score, on average (shadow)' },
  'rank-correlation': { margin: 0.1, unit: '1 less the correlation (shadow)' },
  'label-quality': { margin: 0.02, unit: 'of the loss' },
  'paired-labels': { margin: 0.02, unit: 'share right (shadow)' },
  'business-metric': { margin: 0, unit: 'of its mean' },
  cost: { margin: 0.25, unit: 'dearer, as a ratio' },
  promql: { margin: 0.25, unit: 'more, as a ratio' },
  'sample-ratio': { margin: 0.01, unit: 'off the share asked for' },
}
const NAMED: readonly GateMetric[] = ['business-metric', 'promql']

/** The gates of a new rollout; none means the strategy's own. */
export function GateFields({
  gates,
  onChange,
}: {
  gates: readonly GateInput[]
  onChange: (gates: readonly GateInput[]) => void
}) {
  const taken = gates.map((gate) => gate.metric).filter((metric) => !NAMED.includes(metric))
  const free = (Object.keys(GATES) as GateMetric[]).filter((metric) => !taken.includes(metric))
  const put = (at: number, gate: GateInput) =>
    onChange(gates.map((other, i) => (i === at ? gate : other)))
  return (
    <div style={{ display: 'grid', gap: 8 }}>
      {gates.length === 0 ? (
        <span className="dim">
          The strategy’s own: errors, timeouts, p95 latency, NaN and the output’s schema.
        </span>
      ) : (
        gates.map((gate, i) => (
          <GateFieldRow
            key={`${gate.metric}${i}`}
            gate={gate}
            onChange={(changed) => put(i, changed)}
            onRemove={() => onChange(gates.filter((_other, k) => k !== i))}
          />
        ))
      )}
      <Select
        aria-label="Add a gate"
        placeholder="Add a gate …"
        data={free.map((metric) => ({ value: metric, label: inWords(metric) }))}
        value={null}
        onChange={(metric) => {
          if (metric !== null) onChange([...gates, newGate(metric)]) // from the list above
        }}
        searchable
      />
    </div>
  )
}

const newGate = (metric: GateMetric): GateInput => ({
  metric,
  ...(metric === 'promql' ? { max: 0 } : { margin: GATES[metric]?.margin ?? 0 }),
  ...(NAMED.includes(metric) ? { name: '' } : {}),
  ...(metric === 'promql' ? { query: '' } : {}),
})

function GateFieldRow({
  gate,
  onChange,
  onRemove,
}: {
  gate: GateInput
  onChange: (gate: GateInput) => void
  onRemove: () => void
}) {
  const { metric } = gate
  const isQuery = metric === 'promql'
  return (
    <div className="gate-field">
      <b>{inWords(metric)}</b>
      {gate.name === undefined ? null : (
        <TextInput
          aria-label={`Name of ${inWords(metric)}`}
          placeholder="name"
          value={gate.name}
          onChange={(event) => onChange({ ...gate, name: event.currentTarget.value })}
        />
      )}
      {isQuery ? (
        <TextInput
          aria-label="Query"
          placeholder={'max(queue_lag{endpoint="{{endpoint}}"})'}
          style={{ flex: 1, minWidth: 220 }}
          value={gate.query ?? ''}
          onChange={(event) => onChange({ ...gate, query: event.currentTarget.value })}
        />
      ) : null}
      <NumberInput
        aria-label={`${isQuery ? 'Most' : 'Margin'} of ${inWords(metric)}`}
        prefix={isQuery ? 'at most ' : ''}
        step={0.01}
        w={120}
        value={(isQuery ? gate.max : gate.margin) ?? 0}
        onChange={(value) =>
          onChange({ ...gate, ...(isQuery ? { max: Number(value) } : { margin: Number(value) }) })
        }
      />
      <span className="faint" style={{ flex: isQuery ? undefined : 1 }}>
        {isQuery ? '' : GATES[metric]?.unit}
      </span>
      <Checkbox
        label="critical"
        checked={gate.isCritical ?? isCriticalAtFirst(metric)}
        onChange={(event) => onChange({ ...gate, isCritical: event.currentTarget.checked })}
      />
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`Remove ${inWords(metric)}`}
        onClick={onRemove}
      >
        <IconX size={16} />
      </ActionIcon>
    </div>
  )
}

/** As the server has it when nothing is said. */
const isCriticalAtFirst = (metric: GateMetric): boolean =>
  ![
    'prediction-distribution',
    'feature-freshness',
    'feature-consistency',
    'input-drift',
    'agreement',
    'score-difference',
    'rank-correlation',
    'cost',
    'promql',
  ].includes(metric)
