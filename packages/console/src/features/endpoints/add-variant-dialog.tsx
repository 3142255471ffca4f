import { Button, Modal, Text } from '@mantine/core'
import { useState } from 'react'
import { tellDone, tellFailure } from '../../lib/notify.ts'
import { useChange } from '../../lib/trestle.tsx'
import { ModelChoice, toReference, type ModelChosen } from './model-choice.tsx'

/** Puts another model version behind an endpoint, without traffic. */
export function AddVariantDialog(props: { endpoint: string; isOpen: boolean; close: () => void }) {
  return (
    <Modal opened={props.isOpen} onClose={props.close} title={<b>Add a variant</b>} size="md">
      <AddVariantForm {...props} />
    </Modal>
  )
}

function AddVariantForm({ endpoint, close }: { endpoint: string; close: () => void }) {
  const [chosen, setChosen] = useState<ModelChosen>({ model: '', at: '' })
  const model = toReference(chosen)
  const add = useChange(
    (client, reference: string) => client.serving.addVariant({ endpoint, model: reference }),
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
        if (model !== null) add.mutate(model, { onError: tellFailure })
      }}
    >
      <Text size="sm" c="dimmed">
        It is loaded and warm before it gets any traffic. To bring it in carefully, start a rollout
        instead.
      </Text>
      <ModelChoice chosen={chosen} onChange={setChosen} />
      <Button type="submit" loading={add.isPending} disabled={model === null}>
        Load the model and add
      </Button>
    </form>
  )
}
