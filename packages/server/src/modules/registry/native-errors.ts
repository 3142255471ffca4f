import { fail } from '../../platform/errors.ts'
import { MlflowError } from '../tracking/index.ts'

/** Runs `work` for a native route: refusals in MLflow's words become Trestle's own codes. */
export async function inOwnWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error
    switch (error.code) {
      case 'RESOURCE_DOES_NOT_EXIST':
        throw fail(notFoundCode(error.message), error.message, { cause: error })
      case 'RESOURCE_ALREADY_EXISTS':
        throw fail('resource.already_exists', error.message, { cause: error })
      case 'RESOURCE_CONFLICT':
        throw fail('resource.conflict', error.message, { cause: error })
      case 'BAD_REQUEST':
      case 'INVALID_PARAMETER_VALUE':
        throw fail('request.invalid', error.message, { cause: error })
      case 'PERMISSION_DENIED':
        throw fail('registry.protected', error.message, { cause: error })
      case 'ENDPOINT_NOT_FOUND':
      case 'INTERNAL_ERROR':
      case 'REQUEST_LIMIT_EXCEEDED':
      case 'TEMPORARILY_UNAVAILABLE':
      case 'UNAUTHENTICATED':
        throw error
    }
  }
}

function notFoundCode(message: string) {
  if (message.startsWith('Registered Model')) return 'registry.model_not_found'
  return message.startsWith('Model Version') ? 'registry.version_not_found' : 'resource.not_found'
}
