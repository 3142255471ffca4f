import { createClient, type TrestleClient } from '@trestle/sdk'
import type { Command } from 'commander'
import { createOutput, type Output } from './output.ts'

/** What a command works with: the client of the chosen server and a way to print. */
export type Context = Readonly<{ client: TrestleClient; out: Output }>

type GlobalOptions = { url: string; key?: string; project?: string; json?: boolean }

/** For uploads and materialization. */
export const LONG_CALL_MS = 3_600_000

export const DEFAULT_URL = 'http://127.0.0.1:4400'

/** Adds the options that every command takes. */
export function addGlobalOptions(program: Command): void {
  program
    .option(
      '--url <url>',
      'the Trestle server (TRESTLE_URL)',
      process.env['TRESTLE_URL'] ?? DEFAULT_URL
    )
    .option('--key <key>', 'an API key (TRESTLE_API_KEY)')
    .option('--project <name>', 'the project to work in (TRESTLE_PROJECT)')
    .option('--json', 'print JSON instead of tables')
}

/** The context of a running command, from its options and the environment. Work that may take long says how long a call may last. */
export function contextOf(command: Command, limits: { timeoutMs?: number } = {}): Context {
  const options = command.optsWithGlobals<GlobalOptions>()
  const client = createClient({
    url: options.url,
    apiKey: options.key ?? process.env['TRESTLE_API_KEY'],
    project: options.project ?? process.env['TRESTLE_PROJECT'],
    timeoutMs: limits.timeoutMs,
  })
  return { client, out: createOutput(options.json ?? false) }
}
