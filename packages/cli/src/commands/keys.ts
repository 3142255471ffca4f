import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { showTime } from '../output.ts'

/** `trestle keys …` */
export function addKeyCommands(program: Command): void {
  const keys = program.command('keys').description('API keys: who may do what')

  keys
    .command('list', { isDefault: true })
    .description('list keys; secrets are never shown again')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.identity.listKeys()
      out.table(
        items,
        [
          ['id', (k) => k.id],
          ['name', (k) => k.name],
          ['role', (k) => k.role],
          ['project', (k) => k.project ?? 'all'],
          ['key', (k) => `${k.prefix}…`],
          ['last used', (k) => showTime(k.lastUsedAt)],
        ],
        'No keys yet. Make one: trestle keys create --name ci --role operator'
      )
    })

  keys
    .command('create')
    .description('make a key and show its secret this once')
    .requiredOption('--name <name>', 'what the key is for, e.g. ci')
    .option('--role <role>', 'viewer, operator or admin', 'operator')
    .option('--only-project <name>', 'allow this one project only')
    .action(
      async (options: { name: string; role: string; onlyProject?: string }, command: Command) => {
        const { client, out } = contextOf(command)
        const role = options.role as 'viewer' // the server says which roles there are
        const key = await client.identity.createKey({
          name: options.name,
          role,
          project: options.onlyProject ?? null,
        })
        out.record(key, [
          ['id', key.id],
          ['role', key.role],
          ['project', key.project ?? 'all'],
          ['secret', key.secret],
        ])
        out.say('\nKeep the secret now: it is not shown again.')
      }
    )

  keys
    .command('revoke')
    .description('end a key at once')
    .argument('<id>')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      await client.identity.revokeKey({ id })
      out.say(`${id} is revoked.`)
    })
}
