import { Button, Modal, NumberInput, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { tellFailure } from '../../lib/notify.ts'
import { useChange } from '../../lib/trestle.tsx'
import { ModelChoice, toReference, type ModelChosen } from '../endpoints/model-choice.tsx'

type Format = 'parquet' | 'csv' | 'ndjson' | 'arrow'
const FORMATS: Format[] = ['parquet', 'csv', 'ndjson', 'arrow']

/** Starts a job on files that the server reads, then opens its page. */
export function NewBatchJobDialog({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  return (
    <Modal opened={isOpen} onClose={close} title={<b>New batch job</b>} size="md">
      <NewBatchJobForm />
    </Modal>
  )
}

function NewBatchJobForm() {
  const [chosen, setChosen] = useState<ModelChosen>({ model: '', at: '' })
  const [input, setInput] = useState('')
  const [output, setOutput] = useState('')
  const [inputFormat, setInputFormat] = useState<Format>('parquet')
  const [outputFormat, setOutputFormat] = useState<Format>('parquet')
  const [maxFailedRows, setMaxFailedRows] = useState(0)
  const [, goTo] = useLocation()
  const model = toReference(chosen)
  const create = useChange(
    (client, reference: string) =>
      client.batch.createJob({
        model: reference,
        input: { format: inputFormat, path: input.trim() },
        output: { format: outputFormat, path: output.trim() },
        maxFailedRows,
      }),
    (made) => goTo(`/batch/${made.id}`)
  )
  return (
    <form
      style={{ display: 'grid', gap: 14 }}
      onSubmit={(event) => {
        event.preventDefault()
        if (model !== null) create.mutate(model, { onError: tellFailure })
      }}
    >
      <ModelChoice chosen={chosen} onChange={setChosen} />
      <PathInput
        label="Input"
        says="A file on the server’s machine, or a pattern."
        example="/data/2026-11/*.parquet"
        path={{ value: input, set: setInput }}
        format={{ value: inputFormat, set: setInputFormat }}
      />
      <PathInput
        label="Output"
        says="A folder that is new or empty."
        example="/data/scored"
        path={{ value: output, set: setOutput }}
        format={{ value: outputFormat, set: setOutputFormat }}
      />
      <NumberInput
        label="Rows that may fail"
        description="With their reasons they are written to dead-letter.ndjson. One more fails the job."
        value={maxFailedRows}
        onChange={(value) => setMaxFailedRows(Number(value))}
        min={0}
      />
      <Button
        type="submit"
        loading={create.isPending}
        disabled={model === null || input.trim() === '' || output.trim() === ''}
      >
        Start
      </Button>
    </form>
  )
}

type Field<T> = Readonly<{ value: T; set: (value: T) => void }>

function PathInput(props: {
  label: string
  says: string
  example: string
  path: Field<string>
  format: Field<Format>
}) {
  return (
    <div style={{ display: 'grid', gridTemplateColumns: '1fr 110px', gap: 8, alignItems: 'end' }}>
      <TextInput
        label={props.label}
        description={props.says}
        placeholder={props.example}
        value={props.path.value}
        onChange={(event) => props.path.set(event.currentTarget.value)}
        required
      />
      <Select
        aria-label={`${props.label} format`}
        data={FORMATS}
        value={props.format.value}
        allowDeselect={false}
        onChange={(next) => props.format.set(FORMATS.find((f) => f === next) ?? 'parquet')}
      />
    </div>
  )
}
