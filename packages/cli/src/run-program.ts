import { CommanderError, type Command } from 'commander'

/** Runs a command line (without the program's own name) and answers its exit code: 0 done, 1 failed, 2 wrong usage, 3 the server did not answer. */
export async function runProgram(program: Command, args: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...args], { from: 'user' })
    return process.exitCode === undefined ? 0 : Number(process.exitCode)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const { explainFailure } = await import('./explain-failure.ts') // late, for `serve`
    const { message, exitCode } = explainFailure(error)
    process.stderr.write(`trestle: ${message}\n`)
    return exitCode
  }
}
