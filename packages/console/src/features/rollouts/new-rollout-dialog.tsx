import { Button, Group, Modal, NumberInput, Select, TextInput } from '@mantine/core'
import type { GateInput } from '@trestle/contract'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'
import { ModelChoice, toReference, type ModelChosen } from '../endpoints/model-choice.tsx'
import { GateFields } from './gate-fields.tsx'
import { firstDraft, toStrategy } from './strategy-draft.ts'
import { StrategyFields } from './strategy-fields.tsx'

type DialogProps = Readonly<{
  isOpen: boolean
  close: () => void
  /** Chosen already when it is opened from an endpoint's page. */
  endpoint?: string
}>

/** Begins a rollout, then opens its page. */
export function NewRolloutDialog({ isOpen, close, endpoint = '' }: DialogProps) {
  return (
    <Modal opened={isOpen} onClose={close} title={<b>New rollout</b>} size="xl">
      <NewRolloutForm endpoint={endpoint} />
    </Modal>
  )
}

function NewRolloutForm(props: { endpoint: string }) {
  const [endpoint, setEndpoint] = useState(props.endpoint)
  const [chosen, setChosen] = useState<ModelChosen>({ model: '', at: '' })
  const [draft, setDraft] = useState(firstDraft)
  const [gates, setGates] = useState<readonly GateInput[]>([])
  const [alias, setAlias] = useState('')
  const [stage, setStage] = useState<'Staging' | 'Production' | null>(null)
  const [hours, setHours] = useState(24)
  const [onInsufficient, setOnInsufficient] = useState<'roll-back' | 'freeze'>('roll-back')
  const [, goTo] = useLocation()
  const endpoints = useRead(['endpoints'], (client) => client.serving.listEndpoints())
  const model = toReference(chosen)
  const strategy = toStrategy(draft)
  const begin = useChange(
    (client, given: { model: string; strategy: NonNullable<typeof strategy> }) =>
      client.rollouts.createRollout({
        endpoint,
        ...given,
        gates: [...gates],
        deadlineMs: Math.round(hours * 3_600_000),
        onInsufficient,
        ...(alias.trim() === '' ? {} : { promoteAlias: alias.trim() }),
        ...(stage === null ? {} : { promoteStage: stage }),
      }),
    (made) => goTo(`/rollouts/${made.id}`)
  )
  return (
    <form
      style={{ display: 'grid', gap: 20 }}
      onSubmit={(event) => {
        event.preventDefault()
        if (model !== null && strategy !== null)
          begin.mutate({ model, strategy }, { onError: tellFailure })
      }}
    >
      <fieldset className="form-part">
        <legend>What, and where to</legend>
        <div className="field-row">
          <Select
            label="Endpoint"
            placeholder="an endpoint"
            data={endpoints.data?.items.map((item) => item.name) ?? []}
            value={endpoint === '' ? null : endpoint}
            onChange={(name) => setEndpoint(name ?? '')}
            searchable
            required
          />
          <ModelChoice chosen={chosen} onChange={setChosen} />
        </div>
      </fieldset>
      <fieldset className="form-part">
        <legend>How</legend>
        <StrategyFields draft={draft} onChange={setDraft} />
      </fieldset>
      <fieldset className="form-part">
        <legend>What it has to prove</legend>
        <GateFields gates={gates} onChange={setGates} />
      </fieldset>
      <fieldset className="form-part">
        <legend>How it ends</legend>
        <div className="field-row">
          <NumberInput
            label="Through within, in hours"
            min={0.01}
            value={hours}
            onChange={(value) => setHours(Number(value))}
          />
          <Select
            label="Without enough evidence by then"
            data={[
              { value: 'roll-back', label: 'go back' },
              { value: 'freeze', label: 'wait for a person' },
            ]}
            value={onInsufficient}
            onChange={(value) => setOnInsufficient(value === 'freeze' ? 'freeze' : 'roll-back')}
            allowDeselect={false}
          />
          <TextInput
            label="Then move the alias"
            placeholder="champion"
            value={alias}
            onChange={(event) => setAlias(event.currentTarget.value)}
          />
          <Select
            label="Then move it to stage"
            placeholder="none"
            data={['Staging', 'Production']}
            value={stage}
            onChange={(value) =>
              setStage(value === 'Staging' || value === 'Production' ? value : null)
            }
            clearable
          />
        </div>
      </fieldset>
      <Group justify="flex-end">
        <Button
          type="submit"
          loading={begin.isPending}
          disabled={endpoint === '' || model === null || strategy === null}
        >
          Load the model and begin
        </Button>
      </Group>
    </form>
  )
}
