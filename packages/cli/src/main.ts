import { Command } from 'commander'
import { addServeCommand } from './commands/serve.ts'
import { runProgram } from './run-program.ts'

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

process.exitCode = await runProgram(await programFor(process.argv[2]), process.argv.slice(2))
