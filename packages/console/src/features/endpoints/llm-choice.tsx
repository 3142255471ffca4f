import { Autocomplete, TextInput } from '@mantine/core'
import type { LlmSpecInput } from '@trestle/contract'

/** An LLM, as far as it was chosen. */
export type LlmChosen = Readonly<{ provider: string; model: string; url: string; keyEnv: string }>

export const NO_LLM: LlmChosen = { provider: 'openai', model: '', url: '', keyEnv: '' }

/** What the API takes; null while the choice is not complete. */
export function toLlm({ provider, model, url, keyEnv }: LlmChosen): { llm: LlmSpecInput } | null {
  const address = url.trim()
  if (model.trim() === '' || provider.trim() === '') return null
  if (address !== '' && !URL.canParse(address)) return null
  return {
    llm: {
      backends: [
        {
          provider: provider.trim(),
          model: model.trim(),
          ...(address === '' ? {} : { url: address }),
          ...(keyEnv.trim() === '' ? {} : { keyEnv: keyEnv.trim() }),
        },
      ],
    },
  }
}

const PROVIDERS = [
  'openai',
  'anthropic',
  'mistral',
  'groq',
  'deepseek',
  'gemini',
  'openrouter',
  'vllm',
  'ollama',
]

/** One backend of an LLM; more of them, routing, caches and guardrails are declared in a file or by the command line. */
export function LlmChoice({
  chosen,
  onChange,
}: {
  chosen: LlmChosen
  onChange: (chosen: LlmChosen) => void
}) {
  return (
    <>
      <Autocomplete
        label="Provider"
        description="Whose prices hold. Any server that speaks OpenAI’s protocol will do."
        data={PROVIDERS}
        value={chosen.provider}
        onChange={(provider) => onChange({ ...chosen, provider })}
        required
      />
      <TextInput
        label="Model"
        description="As the provider calls it."
        placeholder="gpt-4o-mini"
        value={chosen.model}
        onChange={(event) => onChange({ ...chosen, model: event.currentTarget.value })}
        required
      />
      <TextInput
        label="URL"
        description="Up to and with /v1; may be left out for known providers."
        placeholder="http://10.0.0.5:8000/v1"
        value={chosen.url}
        onChange={(event) => onChange({ ...chosen, url: event.currentTarget.value })}
      />
      <TextInput
        label="Variable with the key"
        description="A variable of the server, such as OPENAI_API_KEY. The key itself is never stored."
        value={chosen.keyEnv}
        onChange={(event) => onChange({ ...chosen, keyEnv: event.currentTarget.value })}
      />
    </>
  )
}
