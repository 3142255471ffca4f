import { Button, Select, Textarea } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import type { Endpoint } from '@trestle/contract'
import { useRef, useState } from 'react'
import { Command } from '../../components/command.tsx'
import { Panel } from '../../components/page.tsx'
import { formatDuration, formatUsd } from '../../lib/format.ts'
import { readKey } from '../../lib/session.ts'
import { useSession } from '../../lib/trestle.tsx'

type Answer = Readonly<{
  text: string
  facts: string
  isDone: boolean
}>

/** Talks to an LLM endpoint by hand: the answer appears as it is written. */
export function PlaygroundPanel({ endpoint }: { endpoint: Endpoint }) {
  const { project } = useSession()
  const [system, setSystem] = useState('')
  const [question, setQuestion] = useState('Say hello in five words.')
  const [variant, setVariant] = useState<string | null>(null)
  const [answer, setAnswer] = useState<Answer | null>(null)
  const running = useRef<AbortController | null>(null)
  const isRunning = answer !== null && !answer.isDone
  const messages = [
    ...(system.trim() === '' ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: question },
  ]
  const ask = async (): Promise<void> => {
    const stop = new AbortController()
    running.current = stop
    setAnswer({ text: '', facts: '', isDone: false })
    const key = readKey()
    try {
      await converse({
        body: {
          model: endpoint.name,
          messages,
          stream: true,
          stream_options: { include_usage: true },
        },
        headers: {
          'content-type': 'application/json',
          'x-trestle-project': project,
          ...(variant === null ? {} : { 'x-trestle-variant': variant }),
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        },
        signal: stop.signal,
        onProgress: setAnswer,
      })
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      setAnswer((before) => ({ text: before?.text ?? '', facts: said, isDone: true }))
    }
  }
  return (
    <div className="cols">
      <Panel title="Request" says="A real call: it counts, is logged and costs.">
        <div style={{ display: 'grid', gap: 12, gridTemplateColumns: 'minmax(0, 1fr)' }}>
          <Textarea
            label="System"
            placeholder="How it should answer"
            value={system}
            onChange={(event) => setSystem(event.currentTarget.value)}
            autosize
            minRows={2}
            maxRows={8}
          />
          <Textarea
            label="Message"
            value={question}
            onChange={(event) => setQuestion(event.currentTarget.value)}
            autosize
            minRows={4}
            maxRows={14}
          />
          <div style={{ display: 'flex', gap: 8, alignItems: 'center' }}>
            {isRunning ? (
              <Button variant="default" onClick={() => running.current?.abort()}>
                Stop
              </Button>
            ) : (
              <Button
                leftSection={<IconPlayerPlay size={15} />}
                onClick={() => void ask()}
                disabled={question.trim() === ''}
              >
                Ask
              </Button>
            )}
            <Select
              aria-label="Variant"
              placeholder="as the traffic decides"
              data={endpoint.variants.map((v) => v.name)}
              value={variant}
              onChange={setVariant}
              clearable
              w={220}
            />
          </div>
          <Command text={curlOf(endpoint.name, messages, variant)} label="Copy as a command" />
        </div>
      </Panel>
      <Panel title="Answer" says={answer === null ? 'Not asked yet.' : answer.facts}>
        <div style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }} aria-live="polite">
          {answer?.text ?? ''}
        </div>
      </Panel>
    </div>
  )
}

async function converse(of: {
  body: object
  headers: Record<string, string>
  signal: AbortSignal
  onProgress: (answer: Answer) => void
}): Promise<void> {
  const started = performance.now()
  const response = await fetch('/v1/chat/completions', {
    method: 'POST',
    headers: of.headers,
    body: JSON.stringify(of.body),
    signal: of.signal,
  })
  if (!response.ok || response.body === null) throw new Error(await refusalOf(response))
  const variant = response.headers.get('x-trestle-variant') ?? ''
  let firstMs: number | null = null
  let text = ''
  let usage = ''
  let rest = ''
  const facts = (): string =>
    [
      variant,
      ...(firstMs === null ? [] : [`first token after ${formatDuration(firstMs)}`]),
      `${formatDuration(performance.now() - started)} in all`,
      ...(usage === '' ? [] : [usage]),
    ].join(' · ')
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    rest += decoder.decode(value, { stream: true })
    const events = rest.split(/\r?\n\r?\n/)
    rest = events.pop() ?? ''
    for (const event of events) {
      // Not by a pattern: to those U+2028, which may stand in what a model says, ends a line.
      const data = event
        .split('\n')
        .find((line) => line.startsWith('data:'))
        ?.slice('data:'.length)
        .trim()
      if (data === undefined || data === '[DONE]') continue
      const chunk = JSON.parse(data) as Chunk
      if (chunk.error !== undefined) throw new Error(chunk.error.message)
      const piece = chunk.choices?.[0]?.delta?.content ?? ''
      if (piece !== '') firstMs ??= performance.now() - started
      text += piece
      if (chunk.usage != null)
        usage = `${chunk.usage.prompt_tokens} tokens in, ${chunk.usage.completion_tokens} out`
    }
    of.onProgress({ text, facts: facts(), isDone: false })
  }
  const cost = response.headers.get('x-trestle-cost-usd')
  of.onProgress({
    text,
    facts: cost === null ? facts() : `${facts()} · ${formatUsd(cost)}`,
    isDone: true,
  })
}

type Chunk = {
  choices?: { delta?: { content?: string | null } }[]
  usage?: { prompt_tokens: number; completion_tokens: number } | null
  error?: { message: string }
}

async function refusalOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? text
  } catch {
    return text
  }
}

const curlOf = (model: string, messages: readonly object[], variant: string | null): string =>
  [
    `curl ${window.location.origin}/v1/chat/completions -H 'content-type: application/json'`,
    ...(variant === null ? [] : [`  -H 'x-trestle-variant: ${variant}'`]),
    `  -d '${JSON.stringify({ model, messages, stream: true }).replaceAll("'", "'\\''")}'`,
  ].join(' \\\n')
