import type { ModelVersionSummary, RegisteredModel } from '@trestle/contract'
import { Link, useParams } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord, Tag, type Tone } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { useRead } from '../../lib/trestle.tsx'
import { ApprovalsPanel } from './approvals-panel.tsx'

export const STAGE_TONES: Record<ModelVersionSummary['stage'], Tone> = {
  None: 'idle',
  Staging: 'warn',
  Production: 'ok',
  Archived: 'idle',
}

const STATUS = {
  READY: { tone: 'ok', word: 'ready' },
  PENDING_REGISTRATION: { tone: 'warn', word: 'being registered' },
  FAILED_REGISTRATION: { tone: 'bad', word: 'failed' },
} as const

export const VersionStatus = ({ status }: { status: ModelVersionSummary['status'] }) => (
  <StatusWord {...STATUS[status]} />
)

export function ModelPage() {
  const { name = '' } = useParams()
  const model = useRead(['model', name], (client) => client.registry.getModel({ name }))
  const history = useRead(['model-history', name], (client) =>
    client.registry.listHistory({ name, limit: 30 })
  )
  return (
    <Page
      title={name}
      parent={{ label: 'Models', href: '/models' }}
      says={
        model.data?.description === undefined || model.data.description === ''
          ? 'A registered model and its versions, newest first.'
          : model.data.description
      }
    >
      <Loaded reading={model}>{(data) => <VersionsPanel model={data} />}</Loaded>
      {model.data === undefined ? null : <ApprovalsPanel model={model.data} />}
      <Loaded reading={history}>
        {({ items }) => (
          <Panel title="History" says="What became of the versions, newest first.">
            <ol className="timeline">
              {items.map((event) => (
                <li key={event.id} data-tone="info">
                  {event.kind === 'version.created'
                    ? `Version ${event.version} was made`
                    : event.kind === 'alias.moved'
                      ? `@${event.alias ?? ''} was pointed at version ${event.version}`
                      : `Version ${event.version} moved to stage ${event.stage ?? ''}`}{' '}
                  <span className="faint">
                    by {event.by} · <When at={event.at} />
                  </span>
                </li>
              ))}
            </ol>
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}

function VersionsPanel({ model }: { model: RegisteredModel }) {
  const columns: readonly Column<ModelVersionSummary>[] = [
    {
      header: 'Version',
      cell: (v) => (
        <Link className="link" href={`/models/${encodeURIComponent(v.name)}/${v.version}`}>
          v{v.version}
        </Link>
      ),
    },
    {
      header: 'Aliases',
      cell: (v) =>
        v.aliases.map((alias) => (
          <Tag key={alias} tone="info">
            @{alias}
          </Tag>
        )),
    },
    {
      header: 'Stage',
      cell: (v) =>
        v.stage === 'None' ? (
          <span className="dim">none</span>
        ) : (
          <Tag tone={STAGE_TONES[v.stage]}>{v.stage}</Tag>
        ),
    },
    { header: 'State', cell: (v) => <VersionStatus status={v.status} /> },
    { header: 'Format', cell: (v) => (v.flavor === 'onnx' ? 'ONNX' : 'other') },
    { header: 'Made by', cell: (v) => <span className="dim">{v.createdBy}</span> },
    { header: 'Made', cell: (v) => <When at={v.createdAt} /> },
  ]
  return (
    <Panel title="Versions" isFlush end={<CompareLink model={model} />}>
      <DataTable
        label="Versions"
        columns={columns}
        rows={model.versions}
        keyOf={(v) => String(v.version)}
      />
    </Panel>
  )
}

/** What a reviewer asks first: the newest version against the champion, or else against the one before it. */
function CompareLink({ model }: { model: RegisteredModel }) {
  const [newest, before] = model.versions
  const base = model.aliases['champion'] ?? before?.version
  const left = base === newest?.version ? before?.version : base
  if (newest === undefined || left === undefined) return null
  return (
    <Link
      className="link"
      href={`/models/${encodeURIComponent(model.name)}/compare/${left}/${newest.version}`}
    >
      Compare v{left} with v{newest.version}
    </Link>
  )
}
