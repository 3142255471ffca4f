import { Button, Skeleton } from '@mantine/core'
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react'
import { TrestleError } from '@trestle/sdk'
import type { ReactNode } from 'react'
import type { Reading } from '../lib/trestle.tsx'

type LoadedProps<T> = Readonly<{
  reading: Reading<T>
  /** Lines of the skeleton while the first answer is on its way. */
  lines?: number
  children: (data: T) => ReactNode
}>

/** Shows a skeleton, then the data; a failure with its request id and a way to try again. Data once shown stays while it is read again. */
export function Loaded<T>({ reading, lines = 4, children }: LoadedProps<T>) {
  if (reading.data !== undefined) return children(reading.data)
  if (reading.error !== null)
    return (
      <Failure
        error={reading.error}
        retry={() => void reading.refetch()}
        isRetrying={reading.isFetching}
      />
    )
  return (
    <div className="panel" aria-busy="true" style={{ padding: 16 }}>
      {Array.from({ length: lines }, (_unused, line) => (
        <Skeleton key={line} height={14} mb={12} width={`${94 - ((line * 17) % 40)}%`} />
      ))}
    </div>
  )
}

export function Failure(props: { error: Error; retry?: () => void; isRetrying?: boolean }) {
  const { error, retry } = props
  const requestId = error instanceof TrestleError ? error.requestId : null
  return (
    <div className="panel trouble empty" role="alert">
      <IconAlertTriangle size={30} stroke={1.4} color="var(--bad)" />
      <h3>{titleOf(error)}</h3>
      <p>{error.message}</p>
      {requestId === null ? null : (
        <p className="faint" style={{ marginTop: 6 }}>
          Request id <code>{requestId}</code>: the server’s log has the reason under it.
        </p>
      )}
      {retry === undefined ? null : (
        <Button
          mt="md"
          variant="default"
          leftSection={<IconRefresh size={15} />}
          onClick={retry}
          loading={props.isRetrying === true}
        >
          Try again
        </Button>
      )}
    </div>
  )
}

function titleOf(error: Error): string {
  if (!(error instanceof TrestleError)) return 'This page failed'
  if (error.code === 'network') return 'The server did not answer'
  if (error.status === 404) return 'There is no such thing here'
  if (error.status === 403) return 'Your key may not see this'
  return 'The server could not answer'
}
