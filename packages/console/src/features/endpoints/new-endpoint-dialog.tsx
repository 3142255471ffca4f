import { Button, Modal, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { tellFailure } from '../../lib/notify.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'
import { NO_SOURCE, SourceChoice, toSource } from './source-choice.tsx'

/** Gives a model a name that programs can call, then opens its page. */
export function NewEndpointDialog({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  return (
    <Modal opened={isOpen} onClose={close} title={<b>New endpoint</b>} size="md">
      <NewEndpointForm />
    </Modal>
  )
}

function NewEndpointForm() {
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState(NO_SOURCE)
  const [featureService, setFeatureService] = useState<string | null>(null)
  const [, goTo] = useLocation()
  const services = useRead(['feature-services'], (client) => client.features.listServices())
  const source = toSource(chosen)
  const create = useChange(
    (client, from: NonNullable<typeof source>) =>
      client.serving.createEndpoint({ name: name.trim(), ...from, featureService }),
    (made) => goTo(`/endpoints/${made.name}`)
  )
  return (
    <form
      style={{ display: 'grid', gap: 14 }}
      onSubmit={(event) => {
        event.preventDefault()
        if (source !== null) create.mutate(source, { onError: tellFailure })
      }}
    >
      <TextInput
        label="Name"
        description="The stable name that programs call."
        placeholder="fraud"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
        required
      />
      <SourceChoice chosen={chosen} onChange={setChosen} />
      <Select
        label="Features from"
        description="A feature service fills in what a request leaves out, by entity."
        placeholder="the request"
        data={services.data?.items.map((service) => service.name) ?? []}
        value={featureService}
        onChange={setFeatureService}
        clearable
      />
      <Button
        type="submit"
        loading={create.isPending}
        disabled={name.trim() === '' || source === null}
      >
        {chosen.kind === 'model' ? 'Load the model and create' : 'Connect and create'}
      </Button>
    </form>
  )
}
