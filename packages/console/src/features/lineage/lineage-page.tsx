import { SegmentedControl } from '@mantine/core'
import { lineageKind, type LineageGraph } from '@trestle/contract'
import { useState } from 'react'
import { Link, useParams } from 'wouter'
import { DataTable } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { NotFoundPage } from '../../app/not-found-page.tsx'
import { LineageView, pageOf, wordOf } from './lineage-view.tsx'

const DIRECTIONS = [
  { value: 'both', label: 'Both ways' },
  { value: 'upstream', label: 'Made from' },
  { value: 'downstream', label: 'Led to' },
] as const
type Direction = (typeof DIRECTIONS)[number]['value']

export function LineagePage() {
  const { kind: given, '*': id = '' } = useParams()
  const kind = lineageKind.safeParse(given)
  const [direction, setDirection] = useState<Direction>('both')
  const graph = useRead(['lineage', given ?? '', id, direction], (client) =>
    client.lineage.getLineage({ kind: kind.data ?? 'run', id, direction })
  )
  if (!kind.success) return <NotFoundPage />
  const root = graph.data?.nodes.find((n) => n.kind === kind.data && n.id === graph.data.root.id)
  const page = root === undefined ? null : pageOf(root)
  return (
    <Page
      title={root?.label ?? id}
      badge={<Tag tone="info">{wordOf(kind.data)}</Tag>}
      says="What it was made from, on the left, and what it led to, on the right. Each step opens its own lineage."
      actions={
        <>
          {page === null ? null : (
            <Link className="link" href={page} style={{ alignSelf: 'center' }}>
              Open its page
            </Link>
          )}
          <SegmentedControl
            aria-label="Direction"
            value={direction}
            onChange={(value) =>
              setDirection(DIRECTIONS.find((d) => d.value === value)?.value ?? 'both')
            }
            data={[...DIRECTIONS]}
          />
        </>
      }
    >
      <Loaded reading={graph} lines={6}>
        {(data) => <Lineage graph={data} />}
      </Loaded>
    </Page>
  )
}

function Lineage({ graph }: { graph: LineageGraph }) {
  return (
    <>
      <Panel
        title="Lineage"
        {...(graph.isTruncated ? { says: 'There is more: the farthest are left out.' } : {})}
        isFlush
      >
        <LineageView graph={graph} />
      </Panel>
      <Panel title="Everything in it" isFlush>
        <DataTable
          label="Everything in it"
          rows={graph.nodes}
          keyOf={(n) => `${n.kind}:${n.id}`}
          columns={[
            { header: '', width: 130, cell: (n) => <Tag>{wordOf(n.kind)}</Tag> },
            {
              header: 'Name',
              cell: (n) => {
                const href = pageOf(n)
                return href === null ? (
                  n.label
                ) : (
                  <Link className="link" href={href}>
                    {n.label}
                  </Link>
                )
              },
            },
            { header: 'State', cell: (n) => n.state?.toLowerCase() ?? NOTHING },
            {
              header: 'Facts',
              cell: (n) => (
                <span className="dim">
                  {Object.entries(n.facts)
                    .map(([name, value]) => `${name} ${value}`)
                    .join(' · ')}
                </span>
              ),
            },
            { header: 'Since', cell: (n) => (n.at === null ? NOTHING : <When at={n.at} />) },
          ]}
        />
      </Panel>
    </>
  )
}
