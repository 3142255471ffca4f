import { Button, TextInput } from '@mantine/core'
import { IconListTree } from '@tabler/icons-react'
import type { WireTrace } from '@trestle/contract'
import { useState } from 'react'
import { Link, useParams } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord, Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatDuration, formatNumber, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { nameOf, tokensOf, tookOf, TRACE_STATE } from './trace-facts.ts'

const TRACE = `export MLFLOW_TRACKING_URI=${window.location.origin}
python -c "import mlflow; mlflow.trace(lambda q: q)('hello')"`

export function TracesPage() {
  const { id = '' } = useParams()
  const [draft, setDraft] = useState('')
  const [filter, setFilter] = useState('')
  const experiment = useRead(['experiment', id], (client) =>
    client.tracking.getExperiment({ experiment_id: id })
  )
  const traces = useRead(
    ['traces', id, filter],
    (client) =>
      client.traces.searchTraces({
        locations: [{ type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: id } }],
        max_results: 100,
        ...(filter === '' ? {} : { filter }),
      }),
    { everyMs: 10_000 }
  )
  return (
    <Page
      title="Traces"
      parent={{
        label: experiment.data?.experiment.name ?? 'Experiment',
        href: `/experiments/${id}`,
      }}
      says="A trace follows one request through an application: each step is a span. The newest 100 that match."
    >
      <form
        style={{ display: 'flex', gap: 8 }}
        onSubmit={(event) => {
          event.preventDefault()
          setFilter(draft.trim())
        }}
      >
        <TextInput
          aria-label="Filter"
          placeholder="status = 'ERROR' AND tags.team = 'search'"
          value={draft}
          onChange={(event) => setDraft(event.currentTarget.value)}
          style={{ flex: 1 }}
        />
        <Button type="submit" variant="default">
          Filter
        </Button>
      </form>
      <Loaded reading={traces} lines={8}>
        {({ traces: items = [] }) => (
          <Panel isFlush>
            {items.length === 0 ? (
              filter === '' ? (
                <Empty icon={IconListTree} title="No traces yet" command={TRACE}>
                  MLflow’s tracing and any OpenTelemetry exporter send them here.
                </Empty>
              ) : (
                <Empty icon={IconListTree} title="No trace matches">
                  Filters are written as in MLflow’s search_traces.
                </Empty>
              )
            ) : (
              <DataTable
                label="Traces"
                rows={items}
                keyOf={(t) => t.trace_id}
                columns={columnsOf(id)}
              />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}

const columnsOf = (experimentId: string): Column<WireTrace>[] => [
  {
    header: 'Trace',
    cell: (t) => (
      <Link
        className="link"
        href={`/experiments/${experimentId}/traces/${encodeURIComponent(t.trace_id)}`}
      >
        {nameOf(t)}
      </Link>
    ),
  },
  { header: 'State', cell: (t) => <StatusWord {...TRACE_STATE[t.state]} /> },
  { header: 'Asked', cell: (t) => <Preview text={t.request_preview} /> },
  { header: 'Answered', cell: (t) => <Preview text={t.response_preview} /> },
  {
    header: 'Feedback',
    cell: (t) =>
      (t.assessments ?? [])
        .filter((a) => a.valid !== false)
        .map((a) => (
          <Tag key={a.assessment_id} tone="info">
            {a.assessment_name}: {JSON.stringify((a.feedback ?? a.expectation)?.value)}
          </Tag>
        )),
  },
  {
    header: 'Tokens',
    isRight: true,
    cell: (t) => {
      const tokens = tokensOf(t)
      return tokens === null ? NOTHING : formatNumber(tokens)
    },
  },
  {
    header: 'Took',
    isRight: true,
    cell: (t) => {
      const took = tookOf(t)
      return took === null ? NOTHING : formatDuration(took)
    },
  },
  { header: 'When', cell: (t) => <When at={Date.parse(t.request_time)} /> },
]

const Preview = ({ text }: { text: string | undefined }) =>
  text === undefined ? NOTHING : <code className="preview">{text}</code>
