import { Button } from '@mantine/core'
import { IconBinaryTree2, IconFileText } from '@tabler/icons-react'
import type { ModelVersionDetail } from '@trestle/contract'
import { Link, useParams } from 'wouter'
import { Command } from '../../components/command.tsx'
import { DataTable } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatBytes, formatNumber, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { lineageHref } from '../lineage/lineage-view.tsx'
import { STAGE_TONES, VersionStatus } from './model-page.tsx'

export function VersionPage() {
  const { name = '', version = '' } = useParams()
  const detail = useRead(['version', name, version], (client) =>
    client.registry.getVersion({ name, version: Number(version) })
  )
  return (
    <Page
      title={`${name} v${version}`}
      parent={{ label: name, href: `/models/${encodeURIComponent(name)}` }}
      badge={detail.data === undefined ? undefined : <VersionStatus status={detail.data.status} />}
      says="One sealed version: what it takes, what it gives, and what it was made from."
      actions={
        <>
          <Button
            component={Link}
            href={lineageHref({ kind: 'model-version', id: `${name}/${version}` })}
            variant="default"
            leftSection={<IconBinaryTree2 size={15} />}
          >
            Lineage
          </Button>
          <Button
            component={Link}
            href={`/models/${encodeURIComponent(name)}/${version}/card`}
            variant="default"
            leftSection={<IconFileText size={15} />}
          >
            Model card
          </Button>
        </>
      }
    >
      <Loaded reading={detail} lines={8}>
        {(data) => <VersionView version={data} />}
      </Loaded>
    </Page>
  )
}

function VersionView({ version }: { version: ModelVersionDetail }) {
  const { run, datasets } = version.lineage
  return (
    <>
      <div className="cols">
        <Panel title="Facts">
          <dl className="facts">
            <dt>Aliases</dt>
            <dd>
              {version.aliases.length === 0
                ? NOTHING
                : version.aliases.map((alias) => (
                    <Tag key={alias} tone="info">
                      @{alias}
                    </Tag>
                  ))}
            </dd>
            <dt>Stage</dt>
            <dd>
              {version.stage === 'None' ? (
                NOTHING
              ) : (
                <Tag tone={STAGE_TONES[version.stage]}>{version.stage}</Tag>
              )}
            </dd>
            <dt>Made</dt>
            <dd>
              <When at={version.createdAt} /> by {version.createdBy}
            </dd>
            <dt>Source</dt>
            <dd>
              <code>{version.source}</code>
            </dd>
            <dt>Features from</dt>
            <dd>{version.featureService ?? NOTHING}</dd>
            {version.statusMessage === null ? null : (
              <>
                <dt>Message</dt>
                <dd>{version.statusMessage}</dd>
              </>
            )}
          </dl>
        </Panel>
        <Panel title="Lineage" says="What it was made from.">
          <dl className="facts">
            <dt>Run</dt>
            <dd>
              {run === null ? (
                NOTHING
              ) : (
                <Link className="link" href={`/experiments/${run.experimentId}/runs/${run.runId}`}>
                  {run.name}
                </Link>
              )}
            </dd>
            <dt>By</dt>
            <dd>{run?.user ?? NOTHING}</dd>
            <dt>Code</dt>
            <dd>{run?.gitCommit == null ? NOTHING : <code>{run.gitCommit.slice(0, 12)}</code>}</dd>
            <dt>Data</dt>
            <dd>
              {datasets.length === 0
                ? NOTHING
                : datasets.map((d) => (
                    <div key={d.digest}>
                      {d.name} <code className="faint">{d.digest}</code>
                    </div>
                  ))}
            </dd>
          </dl>
        </Panel>
      </div>
      <div className="cols">
        <SignaturePanel version={version} />
        <Panel title="Metrics" says="As its run logged them." isFlush>
          {run === null || Object.keys(run.metrics).length === 0 ? (
            <p className="dim" style={{ padding: '2px 16px 14px', margin: 0 }}>
              None were logged.
            </p>
          ) : (
            <DataTable
              label="Metrics"
              rows={Object.entries(run.metrics)}
              keyOf={([name]) => name}
              columns={[
                { header: 'Metric', cell: ([name]) => name },
                {
                  header: 'Value',
                  isRight: true,
                  cell: ([, value]) => (value === null ? 'NaN' : formatNumber(value)),
                },
              ]}
            />
          )}
        </Panel>
      </div>
      <Panel title="Files" says="Sealed when the version was made; named by their content." isFlush>
        <DataTable
          label="Files"
          rows={version.files}
          keyOf={(file) => file.path}
          columns={[
            { header: 'File', cell: (file) => <code>{file.path}</code> },
            { header: 'Size', isRight: true, cell: (file) => formatBytes(file.size) },
            {
              header: 'SHA-256',
              cell: (file) => (
                <code className="faint">{file.digest.replace('sha256:', '').slice(0, 20)}…</code>
              ),
            },
          ]}
        />
      </Panel>
      <Panel title="Use it" says="Roll it out to an endpoint, watched at every step:">
        <Command
          text={`curl -X POST ${window.location.origin}/api/rollouts -H 'content-type: application/json' \\\n  -d '{ "endpoint": "${version.name}", "model": "${version.name}/${version.version}" }'`}
        />
      </Panel>
    </>
  )
}

type SignatureColumn = NonNullable<ModelVersionDetail['signature']>['inputs'][number]

const sayColumn = (column: SignatureColumn): string =>
  column.kind === 'column'
    ? column.type
    : `${column.dtype} [${column.shape.map((n) => (n < 0 ? '?' : n)).join(', ')}]`

function SignaturePanel({ version: { signature, onnx } }: { version: ModelVersionDetail }) {
  const rows =
    signature === null
      ? (['inputs', 'outputs'] as const).flatMap((side) =>
          (onnx?.[side] ?? []).map((v) => ({
            side,
            name: v.name,
            type: `${v.type}${v.shape === null ? '' : ` [${v.shape.map((n) => n ?? '?').join(', ')}]`}`,
          }))
        )
      : (['inputs', 'outputs'] as const).flatMap((side) =>
          signature[side].map((column) => ({
            side,
            name: column.name ?? '(unnamed)',
            type: sayColumn(column),
          }))
        )
  return (
    <Panel
      title="Signature"
      says={signature === null ? 'Read from the ONNX graph.' : 'What it takes and gives.'}
      isFlush
    >
      <DataTable
        label="Signature"
        rows={rows}
        keyOf={(row) => `${row.side}.${row.name}`}
        columns={[
          {
            header: '',
            width: 70,
            cell: (row) => (
              <Tag tone={row.side === 'inputs' ? 'info' : 'ok'}>
                {row.side === 'inputs' ? 'in' : 'out'}
              </Tag>
            ),
          },
          { header: 'Name', cell: (row) => <code>{row.name}</code> },
          { header: 'Type', cell: (row) => <span className="dim">{row.type}</span> },
        ]}
      />
    </Panel>
  )
}
