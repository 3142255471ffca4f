export { createDataDirLock } from './data-dir-lock.ts'
export { openDatabase, type Database } from './database.ts'
export type { Dialect } from './dialect.ts'
export type { ModuleMigrations } from './migrate.ts'
