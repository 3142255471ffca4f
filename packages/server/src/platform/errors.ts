import type { ErrorCode } from '@trestle/contract'
import { AppError } from '../kernel/errors.ts'

/** A catalogued failure: `throw fail('registry.version_not_found', 'No version 7 of "fraud"', { details: { version: 7 } })`. */
export const fail = (
  code: ErrorCode,
  message: string,
  options: { details?: Record<string, unknown>; cause?: unknown } = {}
): AppError => new AppError(code, message, options)
