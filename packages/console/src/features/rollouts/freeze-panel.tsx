import { Button, Modal, MultiSelect, SegmentedControl, Select, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Api, RouteInput, RouteResult } from '@trestle/contract'
import { useState } from 'react'
import { ConfirmButton } from '../../components/confirm-button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'

type Freeze = RouteResult<Api['rollouts']['putFreezeWindow']>
type NewFreeze = RouteInput<Api['rollouts']['putFreezeWindow']>
type Day = Extract<NewFreeze['when'], { kind: 'weekly' }>['days'][number]

const COLUMNS: readonly Column<Freeze>[] = [
  { header: 'Window', cell: (w) => <b>{w.name}</b> },
  { header: 'When', cell: (w) => sayWhen(w.when) },
  { header: 'Endpoint', cell: (w) => w.endpoint ?? <span className="dim">every one</span> },
  {
    header: 'Now',
    cell: (w) =>
      w.isFrozen ? (
        <StatusWord tone="warn" word="frozen" />
      ) : (
        <StatusWord tone="idle" word="open" />
      ),
  },
  { header: 'Why', cell: (w) => <span className="dim">{w.reason}</span> },
  { header: '', isRight: true, cell: (w) => <Remove name={w.name} /> },
]

/** Times in which no rollout takes a step forward. */
export function FreezePanel() {
  const [isOpen, { open, close }] = useDisclosure(false)
  const windows = useRead(['freeze-windows'], (client) => client.rollouts.listFreezeWindows())
  const items = windows.data?.items ?? []
  return (
    <Panel
      title="Freeze windows"
      says="No rollout takes a step forward in them. Harm is still taken back."
      end={
        <Button size="xs" variant="default" onClick={open}>
          Add
        </Button>
      }
      isFlush
    >
      {items.length === 0 ? (
        <p className="dim" style={{ padding: '0 16px 14px', margin: 0 }}>
          None: rollouts go on at any time.
        </p>
      ) : (
        <DataTable label="Freeze windows" columns={COLUMNS} rows={items} keyOf={(w) => w.name} />
      )}
      <Modal opened={isOpen} onClose={close} title={<b>New freeze window</b>}>
        <FreezeForm close={close} />
      </Modal>
    </Panel>
  )
}

const DAYS: readonly { value: Day; label: string }[] = [
  { value: 'mon', label: 'Monday' },
  { value: 'tue', label: 'Tuesday' },
  { value: 'wed', label: 'Wednesday' },
  { value: 'thu', label: 'Thursday' },
  { value: 'fri', label: 'Friday' },
  { value: 'sat', label: 'Saturday' },
  { value: 'sun', label: 'Sunday' },
]

function FreezeForm({ close }: { close: () => void }) {
  const [name, setName] = useState('')
  const [reason, setReason] = useState('')
  const [endpoint, setEndpoint] = useState<string | null>(null)
  const [kind, setKind] = useState<'weekly' | 'once'>('weekly')
  const [days, setDays] = useState<string[]>(['fri', 'sat', 'sun'])
  const [from, setFrom] = useState('18:00')
  const [to, setTo] = useState('08:00')
  const endpoints = useRead(['endpoints'], (client) => client.serving.listEndpoints())
  const put = useChange(
    (client, freeze: NewFreeze) => client.rollouts.putFreezeWindow(freeze),
    close
  )
  const choose = (next: 'weekly' | 'once') => {
    setKind(next)
    setFrom(next === 'weekly' ? '18:00' : '')
    setTo(next === 'weekly' ? '08:00' : '')
  }
  const type = kind === 'weekly' ? 'time' : 'datetime-local'
  return (
    <form
      style={{ display: 'grid', gap: 14 }}
      onSubmit={(event) => {
        event.preventDefault()
        const when: NewFreeze['when'] =
          kind === 'once'
            ? { kind, from: Date.parse(from), to: Date.parse(to) }
            : { kind, days: days as Day[], from, to, timeZone: ownTimeZone() } // from the list above
        put.mutate({ name: name.trim(), reason, endpoint, when }, { onError: tellFailure })
      }}
    >
      <TextInput
        label="Name"
        placeholder="weekends"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
        required
      />
      <SegmentedControl
        data={[
          { value: 'weekly', label: 'Every week' },
          { value: 'once', label: 'Once' },
        ]}
        value={kind}
        onChange={(value) => choose(value === 'once' ? 'once' : 'weekly')}
      />
      {kind === 'weekly' ? (
        <MultiSelect label="On" data={DAYS} value={days} onChange={setDays} required />
      ) : null}
      <div className="field-row">
        <TextInput
          label="From"
          type={type}
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          required
        />
        <TextInput
          label="Until"
          type={type}
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
          required
        />
      </div>
      <Select
        label="Endpoint"
        placeholder="every one"
        data={endpoints.data?.items.map((item) => item.name) ?? []}
        value={endpoint}
        onChange={setEndpoint}
        clearable
      />
      <TextInput
        label="Why"
        description="Rollouts that wait for it say so."
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Button type="submit" loading={put.isPending} disabled={name.trim() === ''}>
        Add
      </Button>
    </form>
  )
}

function Remove({ name }: { name: string }) {
  const remove = useChange((client) => client.rollouts.deleteFreezeWindow({ name }))
  return (
    <ConfirmButton
      label="Remove"
      question={`Remove the window ${name}?`}
      onConfirm={() => remove.mutate(undefined, { onError: tellFailure })}
      button={{ size: 'xs', variant: 'subtle', color: 'gray' }}
    >
      Rollouts that wait for it go on at once.
    </ConfirmButton>
  )
}

const ownTimeZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone

function sayWhen(when: Freeze['when']): string {
  if (when.kind === 'weekly')
    return `${when.days.join(', ')} ${when.from} to ${when.to} (${when.timeZone})`
  const say = (at: number) =>
    new Date(at).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })
  return `${say(when.from)} to ${say(when.to)}`
}
