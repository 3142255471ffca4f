import { sourceName } from '@trestle/contract'
import { useParams } from 'wouter'
import { DataTable } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { Stat, Stats } from '../../components/stat.tsx'
import { Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, formatDuration } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { ConsistencyPanel } from './consistency-panel.tsx'
import { StatisticsPanel } from './statistics-panel.tsx'
import { RunningMaterialization } from './running-materialization.tsx'
import { UsagePanel } from './usage-panel.tsx'
import { Freshness } from './freshness.tsx'

export function ViewPage() {
  const { name = '' } = useParams()
  const view = useRead(['feature-view', name], (client) => client.features.getView({ name }), {
    everyMs: 15_000,
  })
  return (
    <Page
      title={name}
      parent={{ label: 'Features', href: '/features' }}
      badge={view.data === undefined ? undefined : <Freshness view={view.data} />}
      says={
        view.data === undefined || view.data.description === ''
          ? 'One feature view: its features, how fresh they are, and who reads them.'
          : view.data.description
      }
    >
      <Loaded reading={view} lines={8}>
        {(data) => (
          <>
            <Stats>
              <Stat
                label="Entities online"
                value={formatCount(data.onlineRows)}
                note={data.online ? 'ready for predictions' : 'not kept online'}
              />
              <Stat
                label="Rows offline"
                value={formatCount(data.offlineRows)}
                note="for training"
              />
              <Stat
                label="Values are valid for"
                value={data.ttlMs === null ? 'ever' : formatDuration(data.ttlMs)}
                note={
                  <>
                    newest event <When at={data.newestEventAt} none="none" />
                  </>
                }
              />
              <Stat
                label="Version"
                value={`v${data.version}`}
                note={
                  <>
                    since <When at={data.createdAt} />
                  </>
                }
              />
            </Stats>
            <div className="cols">
              <Panel title="Features" isFlush>
                <DataTable
                  label="Features"
                  rows={data.features}
                  keyOf={(f) => f.name}
                  columns={[
                    { header: 'Feature', cell: (f) => <b>{f.name}</b> },
                    { header: 'Type', cell: (f) => <Tag>{f.type}</Tag> },
                    {
                      header: 'Description',
                      cell: (f) => <span className="dim">{f.description}</span>,
                    },
                  ]}
                />
              </Panel>
              <Panel title="Where it comes from and goes to">
                <dl className="facts">
                  <dt>Entities</dt>
                  <dd>{data.entities.join(', ') || 'none: one row for everything'}</dd>
                  <dt>Join keys</dt>
                  <dd>{data.keys.map((k) => `${k.name} (${k.type})`).join(', ')}</dd>
                  <dt>Read from</dt>
                  <dd>{sourceName(data) ?? 'pushed rows'}</dd>
                  {data.streamState === null ? null : (
                    <>
                      <dt>Topic</dt>
                      <dd>
                        {data.streamState.error ?? data.streamState.state}
                        {data.streamState.rejected === 0
                          ? ''
                          : `; ${formatCount(data.streamState.rejected)} records did not fit, the last: ${data.streamState.lastRejected ?? ''}`}
                      </dd>
                    </>
                  )}
                  <dt>Rows arrived</dt>
                  <dd>
                    <When at={data.lastIngestedAt} none="never" />
                  </dd>
                  <dt>Materialized</dt>
                  <dd>
                    <When at={data.lastMaterializedAt} none="never" />
                    <RunningMaterialization view={data.name} />
                  </dd>
                  {data.refreshState === null ? null : (
                    <>
                      <dt>Next by itself</dt>
                      <dd>
                        <When at={data.refreshState.nextAt} none="never" />
                        {data.refreshState.error === null
                          ? ''
                          : ` (the last run failed: ${data.refreshState.error})`}
                      </dd>
                    </>
                  )}
                  <dt>Read by</dt>
                  <dd>
                    {data.services.length === 0 ? 'no feature service' : data.services.join(', ')}
                  </dd>
                  {data.deprecated === null ? null : (
                    <>
                      <dt>Deprecated</dt>
                      <dd>{data.deprecated}</dd>
                    </>
                  )}
                  <dt>Owner</dt>
                  <dd>{data.owner || '–'}</dd>
                </dl>
              </Panel>
            </div>
            <StatisticsPanel view={name} />
            <ConsistencyPanel view={name} />
            <UsagePanel view={name} />
          </>
        )}
      </Loaded>
    </Page>
  )
}
