export { createDataDirLock } from './data-dir-lock.ts'
export { openDatabase, type Database, type DatabaseConfig } from './database.ts'
export type { Dialect } from './dialect.ts'
export type { Migration, ModuleMigrations } from './migrate.ts'
