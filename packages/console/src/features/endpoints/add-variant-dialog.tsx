import { Button, Modal, Text } from '@mantine/core'
import { useState } from 'react'
import { tellDone, tellFailure } from '../../lib/notify.ts'
import { useChange } from '../../lib/trestle.tsx'
import { NO_SOURCE, SourceChoice, toSource } from './source-choice.tsx'

/** Puts another model behind an endpoint, without traffic. */
export function AddVariantDialog(props: { endpoint: string; isOpen: boolean; close: () => void }) {
  return (
    <Modal opened={props.isOpen} onClose={props.close} title={<b>Add a variant</b>} size="md">
      <AddVariantForm {...props} />
    </Modal>
  )
}

function AddVariantForm({ endpoint, close }: { endpoint: string; close: () => void }) {
  const [chosen, setChosen] = useState(NO_SOURCE)
  const source = toSource(chosen)
  const add = useChange(
    (client, from: NonNullable<typeof source>) => client.serving.addVariant({ endpoint, ...from }),
    (made) => {
      close()
      tellDone(`${made.name} is loaded. It has no traffic yet.`)
    }
  )
  return (
    <form
      style={{ display: 'grid', gap: 14 }}
      onSubmit={(event) => {
        event.preventDefault()
        if (source !== null) add.mutate(source, { onError: tellFailure })
      }}
    >
      <Text size="sm" c="dimmed">
        It is loaded and warm before it gets any traffic. To bring it in carefully, start a rollout
        instead.
      </Text>
      <SourceChoice chosen={chosen} onChange={setChosen} />
      <Button type="submit" loading={add.isPending} disabled={source === null}>
        {chosen.kind === 'model' ? 'Load the model and add' : 'Connect and add'}
      </Button>
    </form>
  )
}
