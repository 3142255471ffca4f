import { pino, type Logger } from 'pino'

export type { Logger } from 'pino'

/** Logs to standard error, object first: readable on a terminal, one JSON line each elsewhere. */
export function createLogger(options: { level: string; isPretty: boolean }): Logger {
  const base = { level: options.level, base: null }
  if (!options.isPretty) return pino(base, pino.destination({ dest: 2, sync: false }))
  return pino({
    ...base,
    transport: {
      target: 'pino-pretty',
      options: {
        destination: 2,
        ignore: 'module',
        messageFormat: '{if module}{module}: {end}{msg}',
      },
    },
  })
}

/** A logger that says nothing, for tests. */
export const silentLogger = (): Logger => pino({ level: 'silent' })
