import { api, type RouteGroup } from '@trestle/contract'
import { InvalidArgumentError, type Command } from 'commander'
import { contextOf } from '../context.ts'

const GROUPS: Readonly<Record<string, RouteGroup>> = api

/** `trestle call <group>.<route> '<json>'`: every route of the API from the shell. */
export function addCallCommand(program: Command): void {
  program
    .command('call')
    .description('call any API route, e.g. trestle call identity.listAudit \'{"limit": 5}\'')
    .argument('<route>', 'a name as in /docs, e.g. identity.listKeys; a wrong one lists them all')
    .argument('[input]', 'path parameters, query and body as one JSON object', parseObject, {})
    .action(async (name: string, input: object, _options: unknown, command: Command) => {
      const { client } = contextOf(command)
      const [groupName = '', routeName = ''] = name.split('.')
      if (GROUPS[groupName]?.[routeName] === undefined)
        command.error(`No route "${name}". There are:\n  ${routeNames().join('\n  ')}`, {
          exitCode: 2,
        })
      const group = client[groupName as 'identity'] as unknown as Record<
        string,
        (input: object) => Promise<unknown>
      > // checked one line above
      process.stdout.write(`${JSON.stringify(await group[routeName]?.(input), null, 2)}\n`)
    })
}

const routeNames = (): string[] =>
  Object.entries(GROUPS).flatMap(([group, routes]) =>
    Object.keys(routes).map((key) => `${group}.${key}`)
  )

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // answered below
  }
  throw new InvalidArgumentError('give one JSON object')
}
