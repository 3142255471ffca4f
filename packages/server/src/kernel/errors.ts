/**
 * A failure that its caller is told about. `code` names it in the error catalogue, the message is safe to send,
 * `cause` is logged and never sent.
 */
export class AppError extends Error {
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {}
  ) {
    super(message, { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.details = options.details ?? {}
  }
}

/** Throws a plain error (answered as 500) when the program itself is wrong. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (condition === false || condition === null || condition === undefined)
    throw new Error(`Invariant: ${message}`)
}

/** The message of anything thrown. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
