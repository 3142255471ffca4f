import { Button } from '@mantine/core'
import { IconStopwatch } from '@tabler/icons-react'
import type { VersionComparison } from '@trestle/contract'
import { useState, type ReactNode } from 'react'
import { Link, useParams } from 'wouter'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { seriesColor } from '../../components/series-color.ts'
import { StatusWord } from '../../components/status-word.tsx'
import { formatBytes, formatNumber, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'

/** Two versions of a model side by side. */
export function CompareVersionsPage() {
  const { name = '', left = '', right = '' } = useParams()
  const [isTimed, setTimed] = useState(false)
  const read = (version: string) => `${name}/${version}`
  const comparison = useRead(['compare-versions', name, left, right, isTimed], (client) =>
    client.lineage.compareVersions({ left: read(left), right: read(right), latency: isTimed })
  )
  return (
    <Page
      title={`${name}: v${left} and v${right}`}
      parent={{ label: name, href: `/models/${encodeURIComponent(name)}` }}
      says="What changes when the right one takes the left one’s place."
    >
      <Loaded reading={comparison} lines={10}>
        {(data) => <Comparison data={data} time={isTimed ? null : () => setTimed(true)} />}
      </Loaded>
    </Page>
  )
}

type Row = Readonly<{
  name: ReactNode
  left: ReactNode
  right: ReactNode
  end: ReactNode
  isChanged: boolean
}>

function Comparison({ data, time }: { data: VersionComparison; time: (() => void) | null }) {
  const { signature, latency } = data
  const sides = [data.left, data.right]
  const head = sides.map(({ version }, i) => (
    <th key={i} className="right" style={{ width: '24%' }}>
      <i className="swatch" style={{ background: seriesColor(i) }} />
      <Link
        className="link"
        href={`/models/${encodeURIComponent(version.name)}/${version.version}`}
      >
        v{version.version}
      </Link>
    </th>
  ))
  const table = (what: string, end: string, rows: readonly Row[]) => (
    <table className="table" aria-label={`${what} of both versions`}>
      <thead>
        <tr>
          <th>{what}</th>
          {head}
          <th className="right" style={{ width: '14%' }}>
            {end}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row, i) => (
          <tr
            key={i}
            style={
              row.isChanged ? { background: 'color-mix(in srgb, var(--warn) 9%, transparent)' } : {}
            }
          >
            <td>{row.name}</td>
            <td className="right">{row.left}</td>
            <td className="right">{row.right}</td>
            <td className="right dim">{row.end}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
  const number = (value: number | null) => (value === null ? NOTHING : formatNumber(value))
  const text = (value: string | null) => (value === null ? NOTHING : <code>{value}</code>)
  return (
    <>
      <Panel title="Metrics" says="As their runs logged them." isFlush>
        {table(
          'Metric',
          'Difference',
          data.metrics.map(({ name, left, right, delta }) => ({
            name,
            left: number(left),
            right: number(right),
            end: delta === null ? NOTHING : `${delta > 0 ? '+' : ''}${formatNumber(delta)}`,
            isChanged: false,
          }))
        )}
      </Panel>
      <Panel
        title="Speed and size"
        says={latency.note}
        isFlush
        end={
          time === null ? null : (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconStopwatch size={14} />}
              onClick={time}
            >
              Time both here
            </Button>
          )
        }
      >
        {table('', 'Difference', [
          ...(['p50', 'p95', 'p99'] as const).map((name) =>
            latencyRow(name, latency.left?.[name] ?? null, latency.right?.[name] ?? null)
          ),
          {
            name: 'Size',
            left: formatBytes(data.left.sizeBytes),
            right: formatBytes(data.right.sizeBytes),
            end: share(data.left.sizeBytes, data.right.sizeBytes),
            isChanged: false,
          },
        ])}
      </Panel>
      <Panel
        title="Signature"
        isFlush
        end={
          signature.isCompatible === null ? null : (
            <StatusWord
              tone={signature.isCompatible ? 'ok' : 'bad'}
              word={signature.isCompatible ? 'callers notice nothing' : 'callers must change'}
            />
          )
        }
      >
        {table(
          'Column',
          '',
          signature.rows.map((row) => ({
            name: (
              <>
                <code>{row.name}</code>{' '}
                <span className="faint">{row.side === 'inputs' ? 'in' : 'out'}</span>
              </>
            ),
            left: text(row.left),
            right: text(row.right),
            end: row.change,
            isChanged: row.change !== 'same',
          }))
        )}
      </Panel>
      {(
        [
          ['Params', 'Param', data.params],
          ['Facts', 'Fact', data.facts],
        ] as const
      ).map(([title, what, rows]) =>
        rows.length === 0 ? null : (
          <Panel key={title} title={title} isFlush>
            {table(
              what,
              '',
              rows.map((row) => ({
                name: row.name,
                left: text(row.left),
                right: text(row.right),
                end: row.isSame ? 'same' : 'changed',
                isChanged: !row.isSame,
              }))
            )}
          </Panel>
        )
      )}
    </>
  )
}

const micros = (value: number | null) => (value === null ? NOTHING : `${formatNumber(value)} µs`)

const latencyRow = (name: string, left: number | null, right: number | null): Row => ({
  name: `Latency, ${name}`,
  left: micros(left),
  right: micros(right),
  end: left === null || right === null ? NOTHING : share(left, right),
  isChanged: false,
})

/** How much more or less the right is, in percent of the left. */
function share(left: number, right: number): string {
  if (left === 0) return NOTHING
  const percent = (right / left - 1) * 100
  return `${percent > 0 ? '+' : ''}${percent.toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`
}
