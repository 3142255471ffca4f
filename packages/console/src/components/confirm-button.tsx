import { Button, Group, Modal, Text, Textarea, type ButtonProps } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState, type ReactNode } from 'react'

type ConfirmButtonProps = Readonly<{
  label: string
  question: string
  /** What will happen. */
  children: ReactNode
  /** Asks for a reason, which is kept with the action. */
  asksForNote?: boolean
  onConfirm: (note: string) => void
  button?: ButtonProps
}>

/** A button for what is not easily undone: it says what will happen and asks once. */
export function ConfirmButton(props: ConfirmButtonProps) {
  const [isOpen, { open, close }] = useDisclosure(false)
  const [note, setNote] = useState('')
  return (
    <>
      <Button variant="default" {...props.button} onClick={open}>
        {props.label}
      </Button>
      <Modal opened={isOpen} onClose={close} title={<b>{props.question}</b>}>
        <Text size="sm">{props.children}</Text>
        {props.asksForNote === true ? (
          <Textarea
            mt="md"
            label="Why (kept in the timeline)"
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
            data-autofocus
          />
        ) : null}
        <Group justify="flex-end" mt="lg" gap="xs">
          <Button variant="subtle" onClick={close}>
            Cancel
          </Button>
          <Button
            {...(props.button?.color === undefined ? {} : { color: props.button.color })}
            onClick={() => {
              close()
              props.onConfirm(note)
            }}
          >
            {props.label}
          </Button>
        </Group>
      </Modal>
    </>
  )
}
