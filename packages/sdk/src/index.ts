export { createClient, type ClientOptions, type TrestleClient } from './client.ts'
export { TrestleError } from './errors.ts'
