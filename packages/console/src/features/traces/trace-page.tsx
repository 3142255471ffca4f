import type { WireTrace } from '@trestle/contract'
import { useState } from 'react'
import { useParams } from 'wouter'
import { DataTable } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatDuration, formatNumber, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { attributesOf, placeSpans, type PlacedSpan } from './spans.ts'
import { nameOf, tokensOf, tookOf, TRACE_STATE } from './trace-facts.ts'

export function TracePage() {
  const { id = '', trace: traceId = '' } = useParams()
  const reading = useRead(['trace', traceId], (client) =>
    client.traces.getTrace({ trace_id: traceId })
  )
  const info = reading.data?.trace.trace_info
  return (
    <Page
      title={info === undefined ? 'Trace' : nameOf(info)}
      parent={{ label: 'Traces', href: `/experiments/${id}/traces` }}
      badge={info === undefined ? undefined : <StatusWord {...TRACE_STATE[info.state]} />}
      says="One request, step by step. Pick a span to see what went in and what came out."
    >
      <Loaded reading={reading} lines={8}>
        {({ trace }) => (
          <>
            <Waterfall spans={placeSpans(trace.spans ?? [])} />
            <div className="cols">
              <Facts trace={trace.trace_info} />
              <Assessments trace={trace.trace_info} />
            </div>
          </>
        )}
      </Loaded>
    </Page>
  )
}

function Waterfall({ spans }: { spans: readonly PlacedSpan[] }) {
  const [pickedId, setPicked] = useState<string | null>(null)
  if (spans.length === 0)
    return (
      <Panel title="Spans">
        <p className="dim" style={{ margin: 0 }}>
          None have come yet.
        </p>
      </Panel>
    )
  const picked = spans.find((p) => p.span.span_id === pickedId) ?? spans[0]
  const end = Math.max(...spans.map((p) => p.from + p.took), 0.001)
  return (
    <>
      <Panel title="Spans" says={`${spans.length}, over ${formatDuration(end)}`} isFlush>
        <ol className="waterfall">
          {spans.map((p) => (
            <li key={p.span.span_id}>
              <button
                type="button"
                aria-pressed={p === picked}
                onClick={() => setPicked(p.span.span_id)}
              >
                <span className="waterfall-name" style={{ paddingLeft: p.depth * 16 }}>
                  {p.span.name} <span className="faint">{kindOf(p)}</span>
                </span>
                <span className="waterfall-lane">
                  <span
                    className="waterfall-bar"
                    data-failed={isFailed(p) ? '' : undefined}
                    style={{
                      left: `${(p.from / end) * 100}%`,
                      width: `${Math.max((p.took / end) * 100, 0.4)}%`,
                    }}
                  />
                </span>
                <span className="waterfall-took num">{formatDuration(p.took)}</span>
              </button>
            </li>
          ))}
        </ol>
      </Panel>
      {picked === undefined ? null : <SpanPanel placed={picked} />}
    </>
  )
}

const SHOWN_APART = new Set(['mlflow.spanInputs', 'mlflow.spanOutputs', 'mlflow.traceRequestId'])

function SpanPanel({ placed }: { placed: PlacedSpan }) {
  const attributes = attributesOf(placed.span)
  const rest = [...attributes].filter(([key]) => !SHOWN_APART.has(key))
  const message = placed.span.status?.message
  return (
    <Panel title={placed.span.name} says={isFailed(placed) ? (message ?? 'failed') : undefined}>
      <div className="cols">
        <Value title="Inputs" value={attributes.get('mlflow.spanInputs')} />
        <Value title="Outputs" value={attributes.get('mlflow.spanOutputs')} />
      </div>
      <dl className="facts" style={{ marginTop: 14 }}>
        {rest.map(([key, value]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>{key}</dt>
            <dd>
              <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
            </dd>
          </div>
        ))}
      </dl>
    </Panel>
  )
}

function Value({ title, value }: { title: string; value: unknown }) {
  return (
    <div>
      <h3 style={{ margin: '0 0 6px' }}>{title}</h3>
      {value === undefined ? (
        <span className="dim">none were logged</span>
      ) : (
        <pre style={{ margin: 0, overflowX: 'auto' }}>
          {typeof value === 'string' ? value : JSON.stringify(value, null, 2)}
        </pre>
      )}
    </div>
  )
}

function Facts({ trace }: { trace: WireTrace }) {
  const took = tookOf(trace)
  const tokens = tokensOf(trace)
  const tags = Object.entries(trace.tags ?? {}).filter(([key]) => !key.startsWith('mlflow.'))
  return (
    <Panel title="Facts">
      <dl className="facts">
        <dt>Trace id</dt>
        <dd>
          <code>{trace.trace_id}</code>
        </dd>
        <dt>Began</dt>
        <dd>
          <When at={Date.parse(trace.request_time)} />
        </dd>
        <dt>Took</dt>
        <dd>{took === null ? NOTHING : formatDuration(took)}</dd>
        <dt>Tokens</dt>
        <dd>{tokens === null ? NOTHING : formatNumber(tokens)}</dd>
        <dt>By</dt>
        <dd>{trace.trace_metadata?.['mlflow.user'] ?? NOTHING}</dd>
        <dt>Tags</dt>
        <dd>
          {tags.length === 0 ? NOTHING : tags.map(([key, value]) => `${key}: ${value}`).join(', ')}
        </dd>
      </dl>
    </Panel>
  )
}

function Assessments({ trace }: { trace: WireTrace }) {
  const { assessments = [] } = trace
  return (
    <Panel title="Feedback" says="What people, judges and code say of it." isFlush>
      {assessments.length === 0 ? (
        <p className="dim" style={{ padding: '2px 16px 14px', margin: 0 }}>
          None was given.
        </p>
      ) : (
        <DataTable
          label="Feedback"
          rows={assessments}
          keyOf={(a) => a.assessment_id}
          columns={[
            {
              header: 'Name',
              cell: (a) => (
                <>
                  {a.assessment_name}
                  {a.valid === false ? <span className="faint"> (overridden)</span> : null}
                </>
              ),
            },
            {
              header: 'Value',
              cell: (a) => <code>{JSON.stringify((a.feedback ?? a.expectation)?.value)}</code>,
            },
            { header: 'Why', cell: (a) => a.rationale ?? NOTHING },
            {
              header: 'By',
              cell: (a) => (
                <span className="dim">
                  {a.source === undefined
                    ? NOTHING
                    : `${a.source.source_id ?? ''} (${a.source.source_type.toLowerCase()})`}
                </span>
              ),
            },
          ]}
        />
      )}
    </Panel>
  )
}

const isFailed = ({ span }: PlacedSpan): boolean => span.status?.code === 'STATUS_CODE_ERROR'

function kindOf({ span }: PlacedSpan): string {
  const kind = attributesOf(span).get('mlflow.spanType')
  return typeof kind === 'string' && kind !== 'UNKNOWN'
    ? kind.toLowerCase().replaceAll('_', ' ')
    : ''
}
