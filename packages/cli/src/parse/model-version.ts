import { InvalidArgumentError } from 'commander'

/** A registered model, or one of its versions: `fraud`, `fraud/3`. */
export type ModelOrVersion = Readonly<{ name: string; version: number | null }>

export function parseModelOrVersion(text: string): ModelOrVersion {
  const [name = '', version, ...more] = text.split('/')
  if (name === '' || more.length > 0 || (version !== undefined && !/^[1-9]\d*$/.test(version)))
    throw new InvalidArgumentError('give a model, or a version of it: fraud or fraud/3')
  return { name, version: version === undefined ? null : Number(version) }
}

/** `fraud/3` alone. */
export function parseVersion(text: string): { name: string; version: number } {
  const { name, version } = parseModelOrVersion(text)
  if (version === null) throw new InvalidArgumentError(`give a version: ${name}/1`)
  return { name, version }
}
