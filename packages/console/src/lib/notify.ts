import { notifications } from '@mantine/notifications'
import { TrestleError } from '@trestle/sdk'

/** A change that the server refused, with the id to find it in the log. */
export function tellFailure(error: Error): void {
  const id =
    error instanceof TrestleError && error.requestId !== null ? ` (request ${error.requestId})` : ''
  notifications.show({
    color: 'red',
    title: 'Not done',
    message: error.message + id,
    autoClose: 12_000,
  })
}

export function tellDone(message: string): void {
  notifications.show({ color: 'teal', message })
}
