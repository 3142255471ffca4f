import { Command, CommanderError } from 'commander'
import { addServeCommand } from './commands/serve.ts'

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the server did not answer. */
async function main(): Promise<number> {
  try {
    await (await programFor(process.argv[2])).parseAsync()
    return process.exitCode === undefined ? 0 : Number(process.exitCode)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const { explainFailure } = await import('./explain-failure.ts')
    const { message, exitCode } = explainFailure(error)
    process.stderr.write(`trestle: ${message}\n`)
    return exitCode
  }
}

/** `serve` alone loads nothing else: the client and its schemas would cost a tenth of a second before the server even starts. */
async function programFor(command: string | undefined): Promise<Command> {
  if (command === 'serve') {
    const program = new Command('trestle').exitOverride()
    addServeCommand(program)
    return program
  }
  const { createProgram } = await import('./program.ts')
  return createProgram()
}

process.exitCode = await main()
