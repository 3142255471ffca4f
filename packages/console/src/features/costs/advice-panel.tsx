import type { CostAdvice } from '@trestle/contract'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord, type Tone } from '../../components/status-word.tsx'
import { formatNumber, formatUsd, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

/** What could be saved, and the numbers that say so. */
export function AdvicePanel({ from }: { from: number }) {
  const advice = useRead(['costs', 'advice', from], (client) => client.costs.listAdvice({ from }), {
    everyMs: 60_000,
  })
  const items = advice.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Panel
      title="Advice"
      says="What could be saved at this load, worked out from what was measured."
      isFlush
    >
      <DataTable
        label="Advice"
        rows={items}
        keyOf={(item) => `${item.kind}/${item.subject}`}
        columns={COLUMNS}
      />
    </Panel>
  )
}

const KINDS: Record<CostAdvice['kind'], string> = {
  'batch-size': 'Batch size',
  'idle-capacity': 'Idle capacity',
  'cpu-or-gpu': 'CPU or GPU',
  'cheaper-model': 'Cheaper model',
  cache: 'Cache',
}
const TONES: Record<CostAdvice['verdict'], Tone> = {
  'worth-it': 'ok',
  'not-worth-it': 'idle',
  insufficient: 'warn',
}
const WORDS: Record<CostAdvice['verdict'], string> = {
  'worth-it': 'worth it',
  'not-worth-it': 'not worth it',
  insufficient: 'too little known',
}

const COLUMNS: readonly Column<CostAdvice>[] = [
  {
    header: 'About',
    cell: (item) => (
      <>
        <b>{item.subject}</b> <span className="dim">{KINDS[item.kind]}</span>
      </>
    ),
  },
  {
    header: 'Verdict',
    cell: (item) => <StatusWord tone={TONES[item.verdict]} word={WORDS[item.verdict]} />,
  },
  {
    header: 'Why',
    cell: (item) => (
      <details>
        <summary>{item.says}</summary>
        <ul>
          {item.numbers.map(({ name, value, unit }, i) => (
            <li key={i}>
              <span className="dim">{name}:</span>{' '}
              {value === null ? NOTHING : `${formatNumber(value)} ${unit}`}
            </li>
          ))}
        </ul>
      </details>
    ),
  },
  {
    header: 'Saves a month',
    isRight: true,
    cell: (item) =>
      item.savesUsdPerMonth === null ? NOTHING : formatUsd(item.savesUsdPerMonth.toFixed(4)),
  },
]
