import { IconFlask } from '@tabler/icons-react'
import { Link } from 'wouter'
import { DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { When } from '../../components/when.tsx'
import { useRead } from '../../lib/trestle.tsx'

const TRACK = `export MLFLOW_TRACKING_URI=${window.location.origin}
python -c "import mlflow; mlflow.set_experiment('fraud'); mlflow.start_run(); mlflow.log_metric('auc', 0.91)"`

export function ExperimentsPage() {
  const experiments = useRead(['experiments'], (client) =>
    client.tracking.searchExperiments({ max_results: 200 })
  )
  return (
    <Page
      title="Experiments"
      says="An experiment gathers runs: each run is one training with its params, metrics and artifacts, logged by any MLflow client."
    >
      <Loaded reading={experiments}>
        {({ experiments: items = [] }) => (
          <Panel isFlush>
            {items.length === 0 ? (
              <Empty icon={IconFlask} title="No experiments yet" command={TRACK}>
                Point MLflow at this server; nothing else changes in your training code.
              </Empty>
            ) : (
              <DataTable
                label="Experiments"
                rows={items}
                keyOf={(e) => e.experiment_id}
                columns={[
                  {
                    header: 'Experiment',
                    cell: (e) => (
                      <Link className="link" href={`/experiments/${e.experiment_id}`}>
                        {e.name}
                      </Link>
                    ),
                  },
                  { header: 'Id', cell: (e) => <code className="faint">{e.experiment_id}</code> },
                  { header: 'Made', cell: (e) => <When at={e.creation_time} /> },
                  { header: 'Changed', cell: (e) => <When at={e.last_update_time} /> },
                ]}
              />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}
