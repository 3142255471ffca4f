import { IconBox } from '@tabler/icons-react'
import type { RegisteredModel } from '@trestle/contract'
import { Link } from 'wouter'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { useRead } from '../../lib/trestle.tsx'

const UPLOAD = `curl -X PUT "${window.location.origin}/api/models/fraud/versions" \\
  -H 'content-type: application/octet-stream' --data-binary @model.onnx`

const COLUMNS: readonly Column<RegisteredModel>[] = [
  {
    header: 'Model',
    cell: (m) => (
      <>
        <Link className="link" href={`/models/${encodeURIComponent(m.name)}`}>
          {m.name}
        </Link>
        {m.description === '' ? null : <div className="faint">{m.description}</div>}
      </>
    ),
  },
  { header: 'Versions', isRight: true, cell: (m) => m.versions.length },
  {
    header: 'Newest',
    cell: (m) => {
      const newest = m.versions[0]
      return newest === undefined ? (
        <span className="dim">none</span>
      ) : (
        <Link className="link" href={`/models/${encodeURIComponent(m.name)}/${newest.version}`}>
          v{newest.version}
        </Link>
      )
    },
  },
  {
    header: 'Aliases',
    cell: (m) => (
      <span style={{ display: 'flex', gap: 6, flexWrap: 'wrap' }}>
        {Object.entries(m.aliases).map(([alias, version]) => (
          <Tag key={alias} tone="info">
            @{alias} → v{version}
          </Tag>
        ))}
      </span>
    ),
  },
  { header: 'Changed', cell: (m) => <When at={m.updatedAt} /> },
]

export function ModelsPage() {
  const models = useRead(['models'], (client) => client.registry.listModels({ limit: 200 }))
  return (
    <Page
      title="Models"
      says="The registry: each model has numbered versions that never change, and aliases such as champion that point at one of them."
    >
      <Loaded reading={models}>
        {({ items }) => (
          <Panel isFlush>
            {items.length === 0 ? (
              <Empty icon={IconBox} title="No models yet" command={UPLOAD}>
                Upload an ONNX file, or register one with MLflow (<code>mlflow.onnx.log_model</code>
                ) against this server.
              </Empty>
            ) : (
              <DataTable label="Models" columns={COLUMNS} rows={items} keyOf={(m) => m.name} />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}
