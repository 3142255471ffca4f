import { Button, UnstyledButton } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import type { ColumnReport, DriftReport, QualityEstimate } from '@trestle/contract'
import { useState } from 'react'
import { Figure } from '../../components/data-table.tsx'
import { Histogram } from '../../components/histogram.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord, Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, formatNumber, formatShare, NOTHING } from '../../lib/format.ts'
import { tellFailure } from '../../lib/notify.ts'
import { saveFile } from '../../lib/save-file.ts'
import { useChange, useRead } from '../../lib/trestle.tsx'
import { columnTone } from './monitor-state.ts'

/** One report: which columns moved, how far, and the picture of each. */
export function DriftReportPanels({ id }: { id: string }) {
  const report = useRead(['drift-report', id], (client) => client.monitoring.getDrift({ id }))
  return (
    <Loaded reading={report} lines={8}>
      {(data) => (
        <>
          <ColumnsPanel report={data} />
          {data.quality === null ? null : <QualityPanel quality={data.quality} />}
        </>
      )}
    </Loaded>
  )
}

function ColumnsPanel({ report }: { report: DriftReport }) {
  const worst = report.columnReports.find((c) => c.state === 'drift') ?? report.columnReports[0]
  const [picked, setPicked] = useState<string | null>(null)
  const shown = report.columnReports.find((c) => keyOf(c) === picked) ?? worst
  return (
    <Panel
      title="Drift per column"
      says={
        <>
          {formatCount(report.rows)} rows from <When at={report.from} /> to <When at={report.to} />,
          against the reference
        </>
      }
      end={<SaveReport report={report} />}
      isFlush
    >
      <div style={{ display: 'grid', gridTemplateColumns: 'minmax(0,3fr) minmax(320px,2fr)' }}>
        <table className="table" aria-label="Columns">
          <thead>
            <tr>
              <th>Column</th>
              <th>State</th>
              <th className="right">Change</th>
              <th className="right">Limit</th>
              <th className="right">Missing</th>
            </tr>
          </thead>
          <tbody>
            {report.columnReports.map((column) => (
              <tr
                key={keyOf(column)}
                aria-selected={column === shown}
                style={column === shown ? { background: 'var(--sunken)' } : {}}
              >
                <td>
                  <UnstyledButton
                    className="link"
                    fz="inherit"
                    onClick={() => setPicked(keyOf(column))}
                  >
                    {column.column}
                  </UnstyledButton>{' '}
                  {column.source === 'output' ? <Tag>output</Tag> : null}{' '}
                  {column.segment === null ? null : <Tag>{column.segment}</Tag>}
                </td>
                <td>
                  <StatusWord
                    tone={columnTone(column.state)}
                    word={column.state === 'ok' ? 'no drift' : column.state}
                  />
                </td>
                <td className="right">
                  <Figure
                    value={
                      column.effect.value === null ? NOTHING : formatNumber(column.effect.value)
                    }
                    unit={column.effect.name}
                  />
                </td>
                <td className="right dim">{formatNumber(column.effect.threshold)}</td>
                <td className="right">{formatShare(column.missingShare)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {shown === undefined ? null : <ColumnView column={shown} />}
      </div>
    </Panel>
  )
}

const keyOf = ({ source, segment, column }: ColumnReport): string =>
  `${source}.${segment ?? ''}.${column}`

/** The report as a page to hand on: it opens anywhere, without Trestle. */
function SaveReport({ report }: { report: DriftReport }) {
  const page = useChange(
    (client) => client.monitoring.getDriftPage({ id: report.id }),
    ({ html }) => saveFile(`${report.monitor}-${report.id}.html`, html)
  )
  return (
    <Button
      variant="default"
      size="xs"
      leftSection={<IconDownload size={14} />}
      loading={page.isPending}
      onClick={() => page.mutate(undefined, { onError: tellFailure })}
    >
      HTML
    </Button>
  )
}

function ColumnView({ column }: { column: ColumnReport }) {
  return (
    <div style={{ padding: '4px 16px 16px', borderLeft: '1px solid var(--line)' }}>
      <h3 style={{ margin: '0 0 2px', fontSize: 14 }}>{column.column}</h3>
      <p className="dim" style={{ margin: '0 0 8px' }}>
        {column.finding === '' ? 'Nothing changed beyond chance and the limit.' : column.finding}
      </p>
      <Histogram
        label={`${column.column}: reference and current window`}
        bins={column.histogram.bins}
        reference={column.histogram.reference}
        current={column.histogram.current}
      />
      <dl className="facts num" style={{ marginTop: 12 }}>
        {column.kind === 'numeric' ? (
          <>
            <dt>Mean</dt>
            <dd>
              {column.mean === null ? NOTHING : formatNumber(column.mean)}{' '}
              <span className="dim">
                was {column.referenceMean === null ? NOTHING : formatNumber(column.referenceMean)}
              </span>
            </dd>
            <dt>Out of range</dt>
            <dd>{formatShare(column.outOfRangeShare)} of the values</dd>
          </>
        ) : (
          <>
            <dt>New categories</dt>
            <dd>{column.newCategories.length === 0 ? 'none' : column.newCategories.join(', ')}</dd>
          </>
        )}
        <dt>Missing</dt>
        <dd>
          {formatShare(column.missingShare)}{' '}
          <span className="dim">was {formatShare(column.referenceMissingShare)}</span>
        </dd>
        <dt>Test</dt>
        <dd>
          {column.test}, p{' '}
          {column.adjustedPValue === null ? NOTHING : formatNumber(column.adjustedPValue)}{' '}
          <span className="dim">after correction for all columns</span>
        </dd>
      </dl>
    </div>
  )
}

function QualityPanel({ quality }: { quality: NonNullable<DriftReport['quality']> }) {
  const tone = quality.state === 'worse' ? 'bad' : quality.state === 'ok' ? 'ok' : 'idle'
  return (
    <Panel title="Quality against labels" end={<StatusWord tone={tone} word={quality.state} />}>
      <p style={{ margin: '0 0 10px' }}>
        {quality.finding}{' '}
        <span className="dim">
          {formatCount(quality.labels)} of {formatCount(quality.predictions)} predictions have a
          label ({formatShare(quality.coverage)}).
        </span>
      </p>
      <dl className="facts num">
        {Object.entries(quality.metrics).map(([name, value]) => {
          const before = quality.referenceMetrics?.[name] ?? null
          return (
            <div key={name} style={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd>
                {value === null ? NOTHING : formatNumber(value)}{' '}
                {before === null ? null : <span className="dim">was {formatNumber(before)}</span>}
              </dd>
            </div>
          )
        })}
      </dl>
      {quality.estimate == null ? null : <EstimateFacts estimate={quality.estimate} />}
    </Panel>
  )
}

/** What to expect while labels are not there. */
function EstimateFacts({ estimate }: { estimate: QualityEstimate }) {
  return (
    <>
      <p style={{ margin: '14px 0 6px' }}>
        <b>Expected without labels</b>{' '}
        <span className="dim">
          {estimate.method}, learnt from {formatCount(estimate.referenceLabels)} labels of the
          reference. {estimate.finding}
        </span>
      </p>
      <dl className="facts num">
        {Object.entries(estimate.metrics).map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value === null ? NOTHING : formatNumber(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  )
}
