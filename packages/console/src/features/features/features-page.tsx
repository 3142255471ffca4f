import { TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconDatabase, IconSearch } from '@tabler/icons-react'
import type { FeatureView } from '@trestle/contract'
import { useState } from 'react'
import { Link } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, formatDuration } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { ConsistencySummary } from './consistency-panel.tsx'
import { Freshness } from './freshness.tsx'

const APPLY = `curl -X POST ${window.location.origin}/api/features/apply -H 'content-type: application/json' -d '{ "manifest": {
  "entities": [{ "name": "card", "keys": [{ "name": "card_id", "type": "string" }] }],
  "views": [{ "name": "card_activity", "entities": ["card"], "ttlMs": 86400000,
              "features": [{ "name": "spent_24h", "type": "float64" }] }] } }'`

const COLUMNS: readonly Column<FeatureView>[] = [
  {
    header: 'Feature view',
    cell: (v) => (
      <Link className="link" href={`/features/${v.name}`}>
        {v.name}
      </Link>
    ),
  },
  { header: 'Of', cell: (v) => v.entities.join(', ') },
  { header: 'Features', isRight: true, cell: (v) => v.features.length },
  { header: 'Freshness', cell: (v) => <Freshness view={v} /> },
  { header: 'Newest event', cell: (v) => <When at={v.newestEventAt} none="no rows" /> },
  {
    header: 'Valid for',
    isRight: true,
    cell: (v) => (v.ttlMs === null ? 'ever' : formatDuration(v.ttlMs)),
  },
  { header: 'Entities online', isRight: true, cell: (v) => formatCount(v.onlineRows) },
  { header: 'Rows offline', isRight: true, cell: (v) => formatCount(v.offlineRows) },
]

export function FeaturesPage() {
  const [text, setText] = useState('')
  const [query] = useDebouncedValue(text.trim(), 200)
  return (
    <Page
      title="Features"
      says="The catalogue of features: what is known of each entity, how fresh it is, and which models read it."
    >
      <TextInput
        aria-label="Search the catalogue"
        placeholder="Search by name, description, owner or tag"
        leftSection={<IconSearch size={16} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        maw={460}
      />
      {query === '' ? <Catalogue /> : <Found query={query} />}
    </Page>
  )
}

function Catalogue() {
  const views = useRead(['feature-views'], (client) => client.features.listViews(), {
    everyMs: 15_000,
  })
  const services = useRead(['feature-services'], (client) => client.features.listServices())
  return (
    <>
      <Loaded reading={views}>
        {({ items }) => (
          <Panel
            title="Feature views"
            says="A table of features of one kind of entity, kept offline for training and online for predictions."
            isFlush
          >
            {items.length === 0 ? (
              <Empty icon={IconDatabase} title="No features yet" command={APPLY}>
                Declare entities and feature views; then push rows or point them at a Parquet file.
              </Empty>
            ) : (
              <DataTable
                label="Feature views"
                columns={COLUMNS}
                rows={items}
                keyOf={(v) => v.name}
              />
            )}
          </Panel>
        )}
      </Loaded>
      <ConsistencySummary />
      {(services.data?.items.length ?? 0) === 0 ? null : (
        <Panel title="Feature services" says="What one model reads, under one name." isFlush>
          <DataTable
            label="Feature services"
            rows={services.data?.items ?? []}
            keyOf={(s) => s.name}
            columns={[
              { header: 'Feature service', cell: (s) => <b>{s.name}</b> },
              { header: 'Asks for', cell: (s) => s.keys.map((k) => k.key).join(', ') },
              { header: 'Features', isRight: true, cell: (s) => s.names.length },
              {
                header: 'From',
                cell: (s) =>
                  s.features.map((p) => (
                    <Link key={p.view} className="link" href={`/features/${p.view}`}>
                      {p.view}{' '}
                    </Link>
                  )),
              },
              { header: 'Version', isRight: true, cell: (s) => `v${s.version}` },
            ]}
          />
        </Panel>
      )}
    </>
  )
}

function Found({ query }: { query: string }) {
  const found = useRead(['feature-search', query], (client) => client.features.search({ q: query }))
  return (
    <Loaded reading={found}>
      {({ items }) => (
        <Panel title={`${items.length} found`} isFlush>
          {items.length === 0 ? (
            <Empty icon={IconSearch} title={`Nothing matches “${query}”`}>
              The search looks at names, descriptions, owners and tags.
            </Empty>
          ) : (
            <DataTable
              label="Search results"
              rows={items}
              keyOf={(item) => `${item.kind}.${item.view ?? ''}.${item.name}`}
              columns={[
                { header: 'Kind', width: 130, cell: (item) => <Tag>{item.kind}</Tag> },
                {
                  header: 'Name',
                  cell: (item) => {
                    const view = item.kind === 'view' ? item.name : item.view
                    return view === null ? (
                      <b>{item.name}</b>
                    ) : (
                      <Link className="link" href={`/features/${view}`}>
                        {item.name}
                      </Link>
                    )
                  },
                },
                { header: 'View', cell: (item) => item.view ?? '' },
                { header: 'Type', cell: (item) => item.type ?? '' },
                {
                  header: 'Description',
                  cell: (item) => <span className="dim">{item.description}</span>,
                },
                { header: 'Owner', cell: (item) => item.owner },
              ]}
            />
          )}
        </Panel>
      )}
    </Loaded>
  )
}
