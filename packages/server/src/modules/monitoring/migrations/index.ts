import { sql, type Kysely } from 'kysely'
import type { Dialect, ModuleMigrations } from '../../../platform/database/index.ts'

export const monitoringMigrations: ModuleMigrations = {
  module: 'monitoring',
  migrations: [
    {
      name: '001-labels',
      async up(db, dialect) {
        await createLabels(db, real(dialect))
      },
    },
    { name: '002-monitors-and-reports', up: createMonitors },
    { name: '003-alerts', up: createAlerts },
    { name: '004-notices', up: createNotices },
    {
      name: '005-mail-receivers',
      up: (db) => db.schema.alterTable('receivers').addColumn('mail_json', 'text').execute(),
    },
    { name: '006-window-profiles', up: createWindowProfiles },
    { name: '007-alert-actions', up: createAlertActions },
  ],
}

/** SQLite's `real` has 8 bytes, PostgreSQL's has 4. */
const real = (dialect: Dialect) => (dialect === 'postgres' ? 'double precision' : 'real')

async function createLabels(
  db: Kysely<unknown>,
  number: 'double precision' | 'real'
): Promise<void> {
  await db.schema
    .createTable('log_settings')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
    .addColumn('sampling_rate', number, (c) => c.notNull())
    .addColumn('retention_days', 'integer', (c) => c.notNull())
    .addColumn('masks_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('log_settings_pk', ['project', 'endpoint'])
    .execute()
  await db.schema
    .createTable('labels')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('prediction_id', 'varchar(200)', (c) => c.notNull())
    .addColumn('value_json', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('received_at', 'bigint', (c) => c.notNull())
    .addColumn('actor', 'varchar(200)', (c) => c.notNull())
    .addColumn('joined', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('labels_pk', ['project', 'prediction_id'])
    .execute()
  await db.schema
    .createIndex('labels_unjoined')
    .on('labels')
    .columns(['joined', 'received_at'])
    .execute()
  await db.schema
    .createTable('label_changes')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('prediction_id', 'varchar(200)', (c) => c.notNull())
    .addColumn('value_json', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('replaced_at', 'bigint', (c) => c.notNull())
    .addColumn('replaced_by', 'varchar(200)', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('label_changes_of')
    .on('label_changes')
    .columns(['project', 'prediction_id'])
    .execute()
  await db.schema
    .createTable('label_outcomes')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('prediction_id', 'varchar(200)', (c) => c.notNull())
    .addColumn('label_id', 'varchar(200)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint_id', 'varchar(120)', (c) => c.notNull())
    .addColumn('variant', 'varchar(120)', (c) => c.notNull())
    .addColumn('role', 'varchar(10)', (c) => c.notNull())
    .addColumn('prediction_at', 'bigint', (c) => c.notNull())
    .addColumn('received_at', 'bigint', (c) => c.notNull())
    .addColumn('label_json', 'text', (c) => c.notNull())
    .addColumn('score', number)
    .addColumn('predicted_json', 'text', (c) => c.notNull())
    .addColumn('error', number, (c) => c.notNull())
    .addColumn('log_loss', number)
    .addColumn('squared_error', number)
    .addPrimaryKeyConstraint('label_outcomes_pk', ['project', 'prediction_id'])
    .execute()
  await db.schema
    .createIndex('label_outcomes_time')
    .on('label_outcomes')
    .columns(['endpoint_id', 'prediction_at'])
    .execute()
  await db.schema
    .createIndex('label_outcomes_label')
    .on('label_outcomes')
    .columns(['project', 'label_id'])
    .execute()
}

async function createMonitors(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('monitors')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('name', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
    .addColumn('spec_json', 'text', (c) => c.notNull())
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('reference_json', 'text')
    .addColumn('reference_rows', 'integer')
    .addColumn('reference_at', 'bigint')
    .addColumn('cursor_at', 'bigint', (c) => c.notNull())
    .addColumn('cursor_id', 'varchar(200)', (c) => c.notNull())
    .addColumn('state', 'varchar(20)', (c) => c.notNull())
    .addColumn('summary', 'text', (c) => c.notNull())
    .addColumn('last_evaluated_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('monitors_pk', ['project', 'name'])
    .execute()
  await db.schema
    .createTable('drift_reports')
    .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('monitor', 'varchar(120)', (c) => c.notNull())
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
    .addColumn('state', 'varchar(20)', (c) => c.notNull())
    .addColumn('trigger_kind', 'varchar(20)', (c) => c.notNull())
    .addColumn('from_at', 'bigint', (c) => c.notNull())
    .addColumn('to_at', 'bigint', (c) => c.notNull())
    .addColumn('row_count', 'integer', (c) => c.notNull())
    .addColumn('column_count', 'integer', (c) => c.notNull())
    .addColumn('drifted_json', 'text', (c) => c.notNull())
    .addColumn('summary', 'text', (c) => c.notNull())
    .addColumn('body_json', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('drift_reports_of')
    .on('drift_reports')
    .columns(['project', 'monitor', 'id'])
    .execute()
}

async function createWindowProfiles(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('window_profiles')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('monitor', 'varchar(120)', (c) => c.notNull())
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('from_at', 'bigint', (c) => c.notNull())
    .addColumn('to_at', 'bigint', (c) => c.notNull())
    .addColumn('profile_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('window_profiles_pk', [
      'project',
      'monitor',
      'generation',
      'from_at',
      'to_at',
    ])
    .execute()
}

async function createAlerts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('alerts')
    .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('fingerprint', 'varchar(64)', (c) => c.notNull())
    .addColumn('kind', 'varchar(20)', (c) => c.notNull())
    .addColumn('severity', 'varchar(20)', (c) => c.notNull())
    .addColumn('state', 'varchar(20)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
    .addColumn('monitor', 'varchar(120)', (c) => c.notNull())
    .addColumn('title', 'text', (c) => c.notNull())
    .addColumn('summary', 'text', (c) => c.notNull())
    .addColumn('columns_json', 'text', (c) => c.notNull())
    .addColumn('report_id', 'varchar(40)')
    .addColumn('starts_at', 'bigint', (c) => c.notNull())
    .addColumn('last_seen_at', 'bigint', (c) => c.notNull())
    .addColumn('ends_at', 'bigint')
    .execute()
  await sql`create unique index alerts_firing_once on alerts (project, fingerprint) where state = 'firing'`.execute(
    db
  )
  await db.schema
    .createTable('silences')
    .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)')
    .addColumn('monitor', 'varchar(120)')
    .addColumn('comment', 'text', (c) => c.notNull())
    .addColumn('created_by', 'varchar(200)', (c) => c.notNull())
    .addColumn('starts_at', 'bigint', (c) => c.notNull())
    .addColumn('ends_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('receivers')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('name', 'varchar(120)', (c) => c.notNull())
    .addColumn('kind', 'varchar(20)', (c) => c.notNull())
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('secret', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('receivers_pk', ['project', 'name'])
    .execute()
  await db.schema
    .createTable('deliveries')
    .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('alert_id', 'varchar(40)', (c) => c.notNull())
    .addColumn('receiver', 'varchar(120)', (c) => c.notNull())
    .addColumn('event', 'varchar(20)', (c) => c.notNull())
    .addColumn('state', 'varchar(20)', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('next_attempt_at', 'bigint')
    .addColumn('last_error', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('delivered_at', 'bigint')
    .execute()
  await db.schema
    .createIndex('deliveries_due')
    .on('deliveries')
    .columns(['state', 'next_attempt_at'])
    .execute()
}

async function createNotices(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('notices')
    .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('kind', 'varchar(40)', (c) => c.notNull())
    .addColumn('severity', 'varchar(20)', (c) => c.notNull())
    .addColumn('subject', 'varchar(200)', (c) => c.notNull())
    .addColumn('title', 'text', (c) => c.notNull())
    .addColumn('text', 'text', (c) => c.notNull())
    .addColumn('link', 'text')
    .addColumn('details_json', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('notices_of_project')
    .on('notices')
    .columns(['project', 'id'])
    .execute()
  await db.schema
    .createTable('notice_deliveries')
    .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('notice_id', 'varchar(40)', (c) => c.notNull())
    .addColumn('receiver', 'varchar(120)', (c) => c.notNull())
    .addColumn('state', 'varchar(20)', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('next_attempt_at', 'bigint')
    .addColumn('last_error', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('delivered_at', 'bigint')
    .execute()
  await db.schema
    .createIndex('notice_deliveries_due')
    .on('notice_deliveries')
    .columns(['state', 'next_attempt_at'])
    .execute()
  await db.schema
    .createIndex('notice_deliveries_of')
    .on('notice_deliveries')
    .column('notice_id')
    .execute()
}

async function createAlertActions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('alert_actions')
    .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('alert_id', 'varchar(40)', (c) => c.notNull())
    .addColumn('action', 'varchar(40)', (c) => c.notNull())
    .addColumn('state', 'varchar(20)', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('next_attempt_at', 'bigint')
    .addColumn('outcome', 'text')
    .addColumn('done_at', 'bigint')
    .execute()
  await db.schema
    .createIndex('alert_actions_due')
    .on('alert_actions')
    .columns(['state', 'next_attempt_at'])
    .execute()
  await db.schema
    .createIndex('alert_actions_of')
    .on('alert_actions')
    .columns(['project', 'alert_id'])
    .execute()
}
