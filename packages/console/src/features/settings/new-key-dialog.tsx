import { Alert, Button, Group, Modal, Select, Text, TextInput } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useState } from 'react'
import { Command } from '../../components/command.tsx'
import { tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'

type Role = 'viewer' | 'operator' | 'admin'
const ROLES: { value: Role; label: string }[] = [
  { value: 'viewer', label: 'viewer: reads and asks for predictions' },
  { value: 'operator', label: 'operator: also changes endpoints, rollouts, features' },
  { value: 'admin', label: 'admin: also keys, projects, audit log' },
]
const LIFETIMES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
  { value: 'never', label: 'never' },
]
const DAY_MS = 86_400_000

export function NewKeyDialog({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const [secret, setSecret] = useState<string | null>(null)
  const shut = () => {
    close()
    setSecret(null)
  }
  return (
    <Modal
      opened={isOpen}
      onClose={shut}
      title={<b>{secret === null ? 'New API key' : 'Your new key'}</b>}
      closeOnClickOutside={secret === null}
      size="md"
    >
      {secret === null ? <NewKeyForm onMade={setSecret} /> : <Secret secret={secret} done={shut} />}
    </Modal>
  )
}

function NewKeyForm({ onMade }: { onMade: (secret: string) => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [project, setProject] = useState<string | null>(null)
  const [lifetime, setLifetime] = useState('90')
  const projects = useRead(['projects'], (client) => client.identity.listProjects())
  const create = useChange(
    (client) =>
      client.identity.createKey({
        name: name.trim(),
        role,
        project,
        expiresAt: lifetime === 'never' ? null : Date.now() + Number(lifetime) * DAY_MS,
      }),
    (made) => onMade(made.secret)
  )
  return (
    <form
      style={{ display: 'grid', gap: 14 }}
      onSubmit={(event) => {
        event.preventDefault()
        create.mutate(undefined, { onError: tellFailure })
      }}
    >
      <TextInput
        label="Name"
        description="What uses it, so that you know it again."
        placeholder="ci"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
        required
      />
      <Select
        label="Role"
        data={ROLES}
        value={role}
        allowDeselect={false}
        onChange={(next) =>
          setRole((ROLES.find((r) => r.value === next) ?? { value: 'viewer' as const }).value)
        }
      />
      <Select
        label="Project"
        placeholder="every project"
        data={projects.data?.items.map((p) => p.name) ?? []}
        value={project}
        onChange={setProject}
        clearable
      />
      <Select
        label="Expires after"
        data={LIFETIMES}
        value={lifetime}
        allowDeselect={false}
        onChange={(next) => setLifetime(next ?? '90')}
      />
      <Button type="submit" loading={create.isPending} disabled={name.trim() === ''}>
        Create key
      </Button>
    </form>
  )
}

function Secret({ secret, done }: { secret: string; done: () => void }) {
  return (
    <div style={{ display: 'grid', gap: 14 }}>
      <Alert color="yellow" icon={<IconAlertTriangle size={18} />} p="sm">
        Copy it now. It is not shown again.
      </Alert>
      <Command text={secret} label="Copy the key" />
      <Text size="sm" c="dimmed">
        Programs find it in the environment:
      </Text>
      <Command text={`export TRESTLE_API_KEY=${secret}`} />
      <Group justify="flex-end">
        <Button onClick={done}>I have copied it</Button>
      </Group>
    </div>
  )
}
