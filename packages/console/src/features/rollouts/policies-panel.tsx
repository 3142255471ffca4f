import type { DeclaredPolicy } from '@trestle/contract'
import { ConfirmButton } from '../../components/confirm-button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Panel } from '../../components/page.tsx'
import { Tag } from '../../components/status-word.tsx'
import { inWords } from '../../lib/format.ts'
import { tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'

const COLUMNS: readonly Column<DeclaredPolicy>[] = [
  { header: 'Endpoint', cell: (p) => <b>{p.endpoint}</b> },
  { header: 'Versions of', cell: (p) => p.model },
  { header: 'A rollout begins when', cell: (p) => <Trigger on={p.on} /> },
  {
    header: 'Strategy',
    cell: (p) => inWords(p.strategy.kind === 'preset' ? p.strategy.preset : p.strategy.kind),
  },
  {
    header: 'Gates',
    cell: (p) => (
      <span className="dim">
        {p.gates.map((g) => g.name ?? inWords(g.metric)).join(', ') || 'the strategy’s own'}
      </span>
    ),
  },
  { header: '', isRight: true, cell: (p) => <Forget endpoint={p.endpoint} /> },
]

/** How versions come to their endpoints. Shown once there is one: a policy is declared in code. */
export function PoliciesPanel() {
  const policies = useRead(['rollout-policies'], (client) => client.rollouts.listPolicies())
  const items = policies.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Panel
      title="Policies"
      says="Declared with defineRollout: an alias or stage moves when the rollout that it begins ends well."
      isFlush
    >
      <DataTable label="Policies" columns={COLUMNS} rows={items} keyOf={(p) => p.endpoint} />
    </Panel>
  )
}

function Trigger({ on }: { on: DeclaredPolicy['on'] }) {
  if (on === null) return <span className="dim">somebody starts one</span>
  return 'alias' in on ? (
    <>
      <Tag>@{on.alias}</Tag> is moved
    </>
  ) : (
    <>
      a version goes to <Tag>{on.stage}</Tag>
    </>
  )
}

function Forget({ endpoint }: { endpoint: string }) {
  const forget = useChange((client) => client.rollouts.deletePolicy({ endpoint }))
  return (
    <ConfirmButton
      label="Forget"
      question={`Forget the policy of ${endpoint}?`}
      onConfirm={() => forget.mutate(undefined, { onError: tellFailure })}
      button={{ size: 'xs', variant: 'subtle', color: 'gray' }}
    >
      Moves of its alias or stage are made at once from then on. Rollouts under way go on.
    </ConfirmButton>
  )
}
