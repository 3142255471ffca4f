import type { WireRun } from '@trestle/contract'
import { useParams } from 'wouter'
import { DataTable } from '../../components/data-table.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatBytes, formatDuration, formatNumber, NOTHING } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { MetricCharts } from './metric-charts.tsx'
import { metricsOf, paramsOf, runTone } from './runs.ts'

export function RunPage() {
  const { id = '', run: runId = '' } = useParams()
  const run = useRead(['run', runId], (client) => client.tracking.getRun({ run_id: runId }), {
    everyMs: 10_000,
  })
  const info = run.data?.run.info
  return (
    <Page
      title={info?.run_name ?? 'Run'}
      parent={{ label: 'Experiment', href: `/experiments/${id}` }}
      badge={
        info === undefined ? undefined : (
          <StatusWord tone={runTone(info.status)} word={info.status.toLowerCase()} />
        )
      }
      says="One training: what went in, what came out, how it went."
    >
      <Loaded reading={run} lines={8}>
        {(data) => <RunView run={data.run} />}
      </Loaded>
    </Page>
  )
}

function RunView({ run }: { run: WireRun }) {
  const { info } = run
  const metrics = [...metricsOf(run)]
  const datasets = run.inputs.dataset_inputs ?? []
  return (
    <>
      <div className="cols">
        <Panel title="Metrics" says="The latest value of each." isFlush>
          <DataTable
            label="Metrics"
            rows={metrics}
            keyOf={([key]) => key}
            columns={[
              { header: 'Metric', cell: ([key]) => key },
              { header: 'Value', isRight: true, cell: ([, value]) => formatNumber(value) },
            ]}
          />
        </Panel>
        <Panel title="Params" isFlush>
          <DataTable
            label="Params"
            rows={[...paramsOf(run)]}
            keyOf={([key]) => key}
            columns={[
              { header: 'Param', cell: ([key]) => key },
              { header: 'Value', isRight: true, cell: ([, value]) => <code>{value}</code> },
            ]}
          />
        </Panel>
      </div>
      <MetricCharts
        metrics={metrics.map(([key]) => key)}
        runs={[{ id: info.run_id, name: info.run_name }]}
      />
      <div className="cols">
        <Panel title="Facts">
          <dl className="facts">
            <dt>Run id</dt>
            <dd>
              <code>{info.run_id}</code>
            </dd>
            <dt>Began</dt>
            <dd>
              <When at={info.start_time} />
            </dd>
            <dt>Took</dt>
            <dd>
              {info.end_time === undefined
                ? NOTHING
                : formatDuration(info.end_time - info.start_time)}
            </dd>
            <dt>By</dt>
            <dd>{info.user_id || NOTHING}</dd>
            <dt>Data</dt>
            <dd>
              {datasets.length === 0
                ? NOTHING
                : datasets.map(({ dataset }) => `${dataset.name} (${dataset.digest})`).join(', ')}
            </dd>
          </dl>
        </Panel>
        <ArtifactsPanel runId={info.run_id} />
      </div>
    </>
  )
}

function ArtifactsPanel({ runId }: { runId: string }) {
  const artifacts = useRead(['artifacts', runId], (client) =>
    client.tracking.listArtifacts({ run_id: runId })
  )
  return (
    <Loaded reading={artifacts}>
      {({ files = [] }) => (
        <Panel title="Artifacts" isFlush>
          {files.length === 0 ? (
            <p className="dim" style={{ padding: '2px 16px 14px', margin: 0 }}>
              None were logged.
            </p>
          ) : (
            <DataTable
              label="Artifacts"
              rows={files}
              keyOf={(f) => f.path}
              columns={[
                {
                  header: 'Path',
                  cell: (f) => (
                    <code>
                      {f.path}
                      {f.is_dir ? '/' : ''}
                    </code>
                  ),
                },
                {
                  header: 'Size',
                  isRight: true,
                  cell: (f) => (f.file_size === undefined ? NOTHING : formatBytes(f.file_size)),
                },
              ]}
            />
          )}
        </Panel>
      )}
    </Loaded>
  )
}
