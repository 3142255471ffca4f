import { TrestleError } from '@trestle/sdk'

/** What a failed command says, and its exit code: 3 when the server did not answer, else 1. */
export function explainFailure(error: unknown): { message: string; exitCode: number } {
  if (!(error instanceof TrestleError))
    return { message: error instanceof Error ? error.message : String(error), exitCode: 1 }
  if (error.code === 'network')
    return {
      message: `${error.message}. Is it running? "trestle serve" starts it; --url names another.`,
      exitCode: 3,
    }
  const request = error.requestId === null ? '' : ` [${error.code}, request ${error.requestId}]`
  return { message: `${error.message}${request}`, exitCode: 1 }
}
