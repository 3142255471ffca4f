import { TrestleError } from '@trestle/sdk'
import { CommanderError } from 'commander'
import { createProgram } from './program.ts'

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the server did not answer. */
async function main(): Promise<number> {
  try {
    await createProgram().parseAsync()
    return process.exitCode === undefined ? 0 : Number(process.exitCode)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`trestle: ${explain(error)}\n`)
    return error instanceof TrestleError && error.code === 'network' ? 3 : 1
  }
}

function explain(error: unknown): string {
  if (!(error instanceof TrestleError))
    return error instanceof Error ? error.message : String(error)
  if (error.code === 'network')
    return `${error.message}. Is it running? "trestle serve" starts it; --url names another.`
  const request = error.requestId === null ? '' : ` [${error.code}, request ${error.requestId}]`
  return `${error.message}${request}`
}

process.exitCode = await main()
