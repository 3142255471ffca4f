import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'

/** `trestle import feast` */
export function addFeastImport(imports: Command): void {
  imports
    .command('feast')
    .description('take over the entities, feature views and services of a Feast repository')
    .argument('<repo>', 'the folder with its feature_store.yaml, after feast apply')
    .option('--out <file>', 'write the declarations as YAML for trestle apply, and change nothing')
    .option('--dry-run', 'say what would be made, and make nothing')
    .addHelpText('after', '\nExample:\n  trestle import feast ./feature_repo --dry-run')
    .action(async (repo: string, options: { out?: string; dryRun?: boolean }, command: Command) => {
      const { client, out } = contextOf(command)
      const { readFeastRepo } = await import('../feast/import-feast.ts')
      const { manifest, notes } = await readFeastRepo(repo)
      if (options.out !== undefined) {
        const { stringify } = await import('yaml')
        await writeFile(options.out, stringify({ features: manifest }))
      }
      const isDryRun = options.dryRun === true || options.out !== undefined
      const { changes } = await client.features.apply({ manifest, dryRun: isDryRun })
      if (out.json({ changes, notes, isApplied: !isDryRun })) return
      out.table(
        changes,
        [
          ['change', (c) => c.kind],
          ['what', (c) => c.subject],
          ['detail', (c) => c.detail],
        ],
        'The repository declares nothing.'
      )
      for (const note of notes) out.say(note)
    })
}
