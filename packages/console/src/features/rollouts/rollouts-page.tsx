import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus, IconSwitch3 } from '@tabler/icons-react'
import type { Rollout } from '@trestle/contract'
import { Link } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatShare, inWords } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { FreezePanel } from './freeze-panel.tsx'
import { NewRolloutDialog } from './new-rollout-dialog.tsx'
import { phaseTone, sayPhase } from './phase.ts'
import { PoliciesPanel } from './policies-panel.tsx'

const START = 'trestle rollouts start fraud --model fraud@challenger --strategy safe'

const COLUMNS: readonly Column<Rollout>[] = [
  {
    header: 'Rollout',
    cell: (r) => (
      <Link href={`/rollouts/${r.id}`} className="link">
        {r.model.name} v{r.model.version} → {r.endpoint}
      </Link>
    ),
  },
  {
    header: 'State',
    cell: (r) => <StatusWord tone={phaseTone(r.phase)} word={sayPhase(r)} isLive={r.isActive} />,
  },
  {
    header: 'Strategy',
    cell: (r) => inWords(r.strategy.kind === 'preset' ? r.strategy.preset : r.strategy.kind),
  },
  {
    header: 'New variant has',
    isRight: true,
    cell: (r) => formatShare(r.weights.candidatePercent / 100),
  },
  { header: 'Started by', cell: (r) => <span className="dim">{r.createdBy}</span> },
  { header: 'Started', cell: (r) => <When at={r.createdAt} /> },
  { header: 'Ended', cell: (r) => <When at={r.endedAt} /> },
]

export function RolloutsPage() {
  const rollouts = useRead(['rollouts'], (client) => client.rollouts.listRollouts({ limit: 100 }), {
    everyMs: 10_000,
  })
  return (
    <Page
      title="Rollouts"
      actions={<NewRolloutButton />}
      says="A rollout gives a new model version its share of the traffic step by step, judges it at every step, and takes it back if it does harm."
    >
      <Loaded reading={rollouts}>
        {({ items }) => (
          <Panel isFlush>
            {items.length === 0 ? (
              <Empty icon={IconSwitch3} title="No rollouts yet" command={START}>
                Bring a new version to an endpoint: first as a shadow, then with 1, 5, 25 and 50 %
                of the requests.
              </Empty>
            ) : (
              <RolloutsTable rollouts={items} />
            )}
          </Panel>
        )}
      </Loaded>
      <PoliciesPanel />
      <FreezePanel />
    </Page>
  )
}

function NewRolloutButton() {
  const [isOpen, { open, close }] = useDisclosure(false)
  return (
    <>
      <Button leftSection={<IconPlus size={16} />} onClick={open}>
        New rollout
      </Button>
      <NewRolloutDialog isOpen={isOpen} close={close} />
    </>
  )
}

export const RolloutsTable = ({ rollouts }: { rollouts: readonly Rollout[] }) => (
  <DataTable label="Rollouts" columns={COLUMNS} rows={rollouts} keyOf={(r) => r.id} />
)
