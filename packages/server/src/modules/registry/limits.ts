import { invalidParameter, MAX, type KeyValue } from '../tracking/index.ts'

const ALIAS = /^[\w-]{1,255}$/
const RESERVED = /^(latest|v\d+)$/i

/** MLflow's rule: a name that can stand in `models:/name/3`. */
export function checkModelName(name: string): void {
  if (name === '') throw invalidParameter('Registered model name cannot be empty.')
  if (name.length > 256 || /[/:]/.test(name) || name === '.' || name === '..')
    throw invalidParameter(
      `Invalid registered model name: '${name.slice(0, 300)}'. It has at most 256 characters and no '/' or ':'.`
    )
}

export function checkAlias(alias: string): void {
  if (!ALIAS.test(alias))
    throw invalidParameter(
      `Invalid alias name: '${alias.slice(0, 300)}'. Names may only contain alphanumerics, underscores (_) and dashes (-), and have 1 to 255 characters.`
    )
  if (RESERVED.test(alias))
    throw invalidParameter(`'${alias}' alias name is reserved: it would read as a version.`)
}

export function checkTag(tag: KeyValue): void {
  if (tag.key === '') throw invalidParameter("Missing value for required parameter 'key'.")
  if (tag.key.length > MAX.keyLength)
    throw invalidParameter(`A tag key has at most ${MAX.keyLength} characters`)
  if (tag.value.length > MAX.registryTagLength)
    throw invalidParameter(`A tag value has at most ${MAX.registryTagLength} characters`)
}
