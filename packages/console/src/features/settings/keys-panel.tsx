import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconKey, IconPlus } from '@tabler/icons-react'
import type { ApiKey } from '@trestle/contract'
import { ConfirmButton } from '../../components/confirm-button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/page.tsx'
import { Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { tellDone, tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'
import { NewKeyDialog } from './new-key-dialog.tsx'

export function KeysPanel() {
  const keys = useRead(['keys'], (client) => client.identity.listKeys())
  const [isOpen, dialog] = useDisclosure(false)
  return (
    <>
      <Loaded reading={keys}>
        {({ items }) => (
          <Panel
            title="API keys"
            says="Programs and people log in with a key. The secret is shown once and stored only as a hash."
            end={
              <Button size="xs" leftSection={<IconPlus size={15} />} onClick={dialog.open}>
                New key
              </Button>
            }
            isFlush
          >
            {items.length === 0 ? (
              <Empty icon={IconKey} title="No keys yet">
                On this machine none is needed. To let other machines in, make an admin key, then
                start the server with <code>TRESTLE_HOST=0.0.0.0</code>.
              </Empty>
            ) : (
              <KeysTable keys={items} />
            )}
          </Panel>
        )}
      </Loaded>
      <NewKeyDialog isOpen={isOpen} close={dialog.close} />
    </>
  )
}

function KeysTable({ keys }: { keys: readonly ApiKey[] }) {
  const revoke = useChange((client, id: string) => client.identity.revokeKey({ id }))
  const columns: readonly Column<ApiKey>[] = [
    { header: 'Name', cell: (key) => <b>{key.name}</b> },
    { header: 'Begins with', cell: (key) => <code>{key.prefix}…</code> },
    {
      header: 'Role',
      cell: (key) => <Tag tone={key.role === 'admin' ? 'warn' : 'idle'}>{key.role}</Tag>,
    },
    { header: 'Project', cell: (key) => key.project ?? <span className="dim">every project</span> },
    { header: 'Created', cell: (key) => <When at={key.createdAt} /> },
    { header: 'Last used', cell: (key) => <When at={key.lastUsedAt} none="never" /> },
    { header: 'Expires', cell: (key) => <When at={key.expiresAt} none="never" /> },
    {
      header: '',
      isRight: true,
      cell: (key) => (
        <ConfirmButton
          label="Revoke"
          question={`Revoke the key “${key.name}”?`}
          button={{ size: 'compact-xs', color: 'red', variant: 'subtle' }}
          onConfirm={() =>
            revoke.mutate(key.id, {
              onSuccess: () => tellDone(`The key “${key.name}” no longer works.`),
              onError: tellFailure,
            })
          }
        >
          Every program that uses it is refused from now on. This can’t be undone.
        </ConfirmButton>
      ),
    },
  ]
  return <DataTable label="API keys" columns={columns} rows={keys} keyOf={(key) => key.id} />
}
