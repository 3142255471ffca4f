import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { showTime } from '../output.ts'

/** `trestle projects …` */
export function addProjectCommands(program: Command): void {
  const projects = program
    .command('projects')
    .description('projects: each keeps its models, features and endpoints apart')

  projects
    .command('list', { isDefault: true })
    .description('list projects')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.identity.listProjects()
      out.table(
        items,
        [
          ['name', (p) => p.name],
          ['description', (p) => p.description],
          ['created', (p) => showTime(p.createdAt)],
        ],
        'No projects.'
      )
    })

  projects
    .command('create')
    .description('make a project')
    .argument('<name>')
    .option('--description <text>', 'what it is for', '')
    .action(async (name: string, options: { description: string }, command: Command) => {
      const { client, out } = contextOf(command)
      const project = await client.identity.createProject({
        name,
        description: options.description,
      })
      out.record(project, [
        ['name', project.name],
        ['description', project.description],
      ])
    })
}
