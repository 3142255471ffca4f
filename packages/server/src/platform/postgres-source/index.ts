export { createPostgresSources, type PostgresSources } from './postgres-source.ts'
