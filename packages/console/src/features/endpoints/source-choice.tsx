import { SegmentedControl, Select, TextInput } from '@mantine/core'
import type { LlmSpecInput, RemoteSpecInput } from '@trestle/contract'
import { LlmChoice, NO_LLM, toLlm, type LlmChosen } from './llm-choice.tsx'
import { ModelChoice, toReference, type ModelChosen } from './model-choice.tsx'

/** What a variant serves, as far as it was chosen. */
export type SourceChosen = Readonly<{
  kind: 'model' | 'remote' | 'llm'
  model: ModelChosen
  remote: RemoteChosen
  llm: LlmChosen
}>
type Protocol = NonNullable<RemoteSpecInput['protocol']>
type RemoteChosen = Readonly<{ url: string; protocol: Protocol; model: string }>

export const NO_SOURCE: SourceChosen = {
  kind: 'model',
  model: { model: '', at: '' },
  remote: { url: '', protocol: 'oip', model: '' },
  llm: NO_LLM,
}

/** What the API takes; null while the choice is not complete. */
export function toSource({
  kind,
  model,
  remote,
  llm,
}: SourceChosen): { model: string } | { remote: RemoteSpecInput } | { llm: LlmSpecInput } | null {
  if (kind === 'llm') return toLlm(llm)
  if (kind === 'model') {
    const reference = toReference(model)
    return reference === null ? null : { model: reference }
  }
  const { url, protocol } = remote
  const name = remote.model.trim()
  if (!URL.canParse(url.trim()) || (name === '' && hasModels(protocol))) return null
  return { remote: { url: url.trim(), protocol, ...(name === '' ? {} : { model: name }) } }
}

/** Servers of these protocols hold several models and are told which. */
const hasModels = (protocol: Protocol): boolean => protocol === 'oip' || protocol === 'kserve-v1'

const PROTOCOLS: readonly Readonly<{ value: Protocol; label: string }>[] = [
  { value: 'oip', label: 'Open Inference Protocol (Triton, KServe …)' },
  { value: 'kserve-v1', label: 'KServe V1, TensorFlow Serving' },
  { value: 'sagemaker', label: 'SageMaker container' },
  { value: 'mlflow', label: 'MLflow scoring server' },
]

/** Where the model of a variant is: in the registry, or on another server. */
export function SourceChoice({
  chosen,
  onChange,
}: {
  chosen: SourceChosen
  onChange: (chosen: SourceChosen) => void
}) {
  return (
    <>
      <SegmentedControl
        aria-label="Where the model is"
        data={[
          { value: 'model', label: 'Registered model' },
          { value: 'remote', label: 'Another server' },
          { value: 'llm', label: 'LLM' },
        ]}
        value={chosen.kind}
        onChange={(kind) =>
          onChange({ ...chosen, kind: kind === 'remote' || kind === 'llm' ? kind : 'model' })
        }
      />
      {chosen.kind === 'model' && (
        <ModelChoice chosen={chosen.model} onChange={(model) => onChange({ ...chosen, model })} />
      )}
      {chosen.kind === 'remote' && (
        <RemoteChoice
          chosen={chosen.remote}
          onChange={(remote) => onChange({ ...chosen, remote })}
        />
      )}
      {chosen.kind === 'llm' && (
        <LlmChoice chosen={chosen.llm} onChange={(llm) => onChange({ ...chosen, llm })} />
      )}
    </>
  )
}

function RemoteChoice({
  chosen,
  onChange,
}: {
  chosen: RemoteChosen
  onChange: (chosen: RemoteChosen) => void
}) {
  return (
    <>
      <Select
        label="It speaks"
        data={PROTOCOLS}
        value={chosen.protocol}
        onChange={(value) => {
          const protocol = PROTOCOLS.find((one) => one.value === value)?.value
          if (protocol !== undefined) onChange({ ...chosen, protocol })
        }}
        allowDeselect={false}
      />
      <TextInput
        label="URL"
        description={
          hasModels(chosen.protocol)
            ? "The server's root; grpc://host:port goes over gRPC."
            : 'The address that takes invocations.'
        }
        placeholder={
          hasModels(chosen.protocol) ? 'http://triton:8000' : 'http://host:8080/invocations'
        }
        value={chosen.url}
        onChange={(event) => onChange({ ...chosen, url: event.currentTarget.value })}
        required
      />
      {hasModels(chosen.protocol) && (
        <TextInput
          label="Model"
          description="What that server calls it."
          value={chosen.model}
          onChange={(event) => onChange({ ...chosen, model: event.currentTarget.value })}
          required
        />
      )}
    </>
  )
}
