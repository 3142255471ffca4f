import { Button, JsonInput, Select } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import type { Endpoint, EndpointSchema } from '@trestle/contract'
import { useState } from 'react'
import { Command } from '../../components/command.tsx'
import { Failure, Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/page.tsx'
import { formatDuration } from '../../lib/format.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'

/** Sends one prediction by hand, beginning with an example that fits the model. */
export function TryPanel({ endpoint }: { endpoint: Endpoint }) {
  const schema = useRead(['schema', endpoint.name], (client) =>
    client.serving.getSchema({ endpoint: endpoint.name })
  )
  return (
    <Loaded reading={schema} lines={8}>
      {(data) => <TryForm endpoint={endpoint} schema={data} />}
    </Loaded>
  )
}

function TryForm({ endpoint, schema }: { endpoint: Endpoint; schema: EndpointSchema }) {
  const [text, setText] = useState(() => JSON.stringify(schema.example, null, 2))
  const [variant, setVariant] = useState<string | null>(null)
  const path = `/endpoints/${encodeURIComponent(endpoint.name)}/predict`
  const predict = useChange(async (client) => {
    const started = performance.now()
    const answer = await client.request({
      method: 'POST',
      path,
      body: JSON.parse(text) as unknown,
      ...(variant === null ? {} : { headers: { 'x-trestle-variant': variant } }),
    })
    return { answer, tookMs: performance.now() - started }
  })
  const isJson = canParse(text)
  return (
    <div className="cols">
      <Panel title="Request" says={`Columns: ${schema.columns.join(', ')}`}>
        <JsonInput
          aria-label="Request body"
          value={text}
          onChange={setText}
          autosize
          minRows={8}
          maxRows={22}
          formatOnBlur
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
          error={isJson ? undefined : 'This is not JSON yet.'}
        />
        <div style={{ display: 'flex', gap: 8, margin: '12px 0', alignItems: 'center' }}>
          <Button
            leftSection={<IconPlayerPlay size={15} />}
            onClick={() => predict.mutate(undefined)}
            loading={predict.isPending}
            disabled={!isJson}
          >
            Predict
          </Button>
          <Select
            aria-label="Variant"
            placeholder="as the traffic decides"
            data={endpoint.variants.map((v) => v.name)}
            value={variant}
            onChange={setVariant}
            clearable
            w={200}
          />
        </div>
        <Command text={curlOf(path, text, variant)} label="Copy as a command" />
      </Panel>
      {predict.error === null ? (
        <Panel
          title="Answer"
          says={
            predict.data === undefined
              ? 'Not asked yet.'
              : `Took ${formatDuration(predict.data.tookMs)}, the way there and back included.`
          }
        >
          {predict.data === undefined ? (
            <p className="dim" style={{ margin: 0 }}>
              Press “Predict”. It is a real request: it counts and is logged.
            </p>
          ) : (
            <Command text={JSON.stringify(predict.data.answer, null, 2)} />
          )}
        </Panel>
      ) : (
        <Failure error={predict.error} />
      )}
    </div>
  )
}

function canParse(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const curlOf = (path: string, body: string, variant: string | null): string =>
  [
    `curl -X POST ${window.location.origin}${path} -H 'content-type: application/json'`,
    ...(variant === null ? [] : [`  -H 'x-trestle-variant: ${variant}'`]),
    `  -d '${(canParse(body) ? JSON.stringify(JSON.parse(body)) : body).replaceAll("'", "'\\''")}'`,
  ].join(' \\\n')
