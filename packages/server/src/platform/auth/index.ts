export { readCredentials } from './credentials.ts'
export { mayAct, type Authenticate, type Credentials, type Principal } from './principal.ts'
export { isOwnOrigin } from './same-origin.ts'
