import { sql } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import type { TrackingTables } from '../tables.ts'
import type { RunRow } from './run-records.ts'

/** How a run is found from what it was made of or made: its code, its data, its model. */
export type RunLink =
  | Readonly<{ kind: 'commit'; commit: string }>
  | Readonly<{ kind: 'dataset'; name: string; digest: string }>

export interface RunLinks {
  /** Active runs, newest first. */
  find(project: string, link: RunLink, limit: number): Promise<RunRow[]>
}

export const COMMIT_TAG = 'mlflow.source.git.commit'

export function createRunLinks(database: Database): RunLinks {
  const db = database.as<TrackingTables>()
  const active = (project: string, limit: number) =>
    db
      .selectFrom('runs')
      .selectAll('runs')
      .where('runs.project', '=', project)
      .where('runs.lifecycle_stage', '=', 'active')
      .orderBy('runs.start_time', 'desc')
      .orderBy('runs.run_id')
      .limit(limit)
  return {
    find(project, link, limit) {
      switch (link.kind) {
        case 'commit':
          return active(project, limit)
            .innerJoin('run_tags', 'run_tags.run_key', 'runs.run_key')
            .where('run_tags.key', '=', COMMIT_TAG)
            .where('run_tags.value', '=', link.commit)
            .where(sql<string>`substr(run_tags.value, 1, 100)`, '=', link.commit.slice(0, 100)) // what the index holds
            .execute()
        case 'dataset':
          return active(project, limit)
            .where('runs.run_key', 'in', (q) =>
              q
                .selectFrom('run_datasets')
                .innerJoin('datasets', 'datasets.dataset_key', 'run_datasets.dataset_key')
                .select('run_datasets.run_key')
                .where('datasets.project', '=', project)
                .where('datasets.name', '=', link.name)
                .where('datasets.digest', '=', link.digest)
            )
            .execute()
      }
    },
  }
}
