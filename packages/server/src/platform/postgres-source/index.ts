export { createPostgresSources } from './postgres-source.ts'
