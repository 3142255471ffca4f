import { GRACE_MS } from '@trestle/contract'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { parseDuration, showDuration } from '../parse/duration.ts'

/** `trestle gc` */
export function addGarbageCommand(program: Command): void {
  program
    .command('gc')
    .description(
      'remove for good what was deleted long ago, and the files that nothing uses (the server does it once a day)'
    )
    .option(
      '--grace <duration>',
      'leave what was deleted less long ago (30d unless said)',
      parseDuration
    )
    .option('--dry-run', 'remove nothing, say what could go now', false)
    .addHelpText('after', '\nExample:\n  trestle gc --grace 7d --dry-run')
    .action(async (options: { grace?: number; dryRun: boolean }, command: Command) => {
      const { client, out } = contextOf(command)
      const grace = options.grace ?? GRACE_MS
      const done = await client.garbage.collect({ graceMs: grace, isDryRun: options.dryRun })
      out.record(done, [
        [options.dryRun ? 'could go' : 'removed', `deleted over ${showDuration(grace)} ago`],
        ['runs', done.runs],
        ['logged models', done.loggedModels],
        ['experiments', done.experiments],
        ['files', `${done.blobs} (${(done.bytes / 1e6).toFixed(1)} MB)`],
      ])
    })
}
