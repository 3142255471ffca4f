import { spawn } from 'node:child_process'
import type { Command } from 'commander'
import { serverProgram } from '../server-program.ts'

type ServeOptions = {
  host?: string
  port?: string
  grpcPort?: string
  data?: string
  logLevel?: string
}

/** `trestle serve`: becomes the server process. Each flag is a `TRESTLE_*` variable by another name. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('start the server')
    .option(
      '--host <address>',
      'address to listen on; anything but loopback needs an admin key (TRESTLE_HOST, 127.0.0.1)'
    )
    .option('--port <number>', 'port; 0 picks a free one (TRESTLE_PORT, 4400)')
    .option('--grpc-port <number>', 'gRPC port; 0 picks a free one (TRESTLE_GRPC_PORT, off)')
    .option('--data <folder>', 'where embedded engines keep their files (TRESTLE_DATA, ./data)')
    .option(
      '--log-level <level>',
      'fatal, error, warn, info, debug, trace or silent (TRESTLE_LOG_LEVEL, info)'
    )
    .action((options: ServeOptions) => becomeServer(environmentOf(options)))
}

function environmentOf(options: ServeOptions): NodeJS.ProcessEnv {
  const flags = {
    TRESTLE_HOST: options.host,
    TRESTLE_PORT: options.port,
    TRESTLE_GRPC_PORT: options.grpcPort,
    TRESTLE_DATA: options.data,
    TRESTLE_LOG_LEVEL: options.logLevel,
  }
  return {
    ...process.env,
    ...Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)),
  }
}

/** Replaces this process by the server where the system can, so that signals and memory are the server's own; else stays as its parent. */
function becomeServer(environment: NodeJS.ProcessEnv): void {
  const args = [...process.execArgv, serverProgram()]
  if (process.platform !== 'win32' && process.execve !== undefined) {
    process.execve(process.execPath, [process.execPath, ...args], environment)
  }
  const server = spawn(process.execPath, args, { stdio: 'inherit', env: environment })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void server.kill(signal))
  server.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}
