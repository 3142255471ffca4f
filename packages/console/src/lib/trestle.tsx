import { createClient, TrestleError, type TrestleClient } from '@trestle/sdk'
import {
  QueryCache,
  QueryClient,
  QueryClientProvider,
  useMutation,
  useQuery,
  useQueryClient,
  type UseQueryResult,
} from '@tanstack/react-query'
import { createContext, use, useMemo, useState, type ReactNode } from 'react'
import { keepKey, keepProject, readKey, readProject } from './session.ts'

type Session = Readonly<{
  client: TrestleClient
  project: string
  hasKey: boolean
  /** Set when the server asked for a key: the reason to show. */
  lockedBecause: string | null
  setProject: (project: string) => void
  setKey: (key: string | null) => void
}>

const SessionContext = createContext<Session | null>(null)

/** The client of this page's own server, with the key and project of this tab. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const [apiKey, setKey] = useState(readKey)
  const [project, setProject] = useState(() => readProject() ?? 'default')
  const [lockedBecause, setLocked] = useState<string | null>(null)
  const queries = useMemo(
    () =>
      new QueryClient({
        queryCache: new QueryCache({
          onError: (error) => {
            if (error instanceof TrestleError && error.status === 401) setLocked(error.message)
          },
        }),
        defaultOptions: {
          queries: {
            staleTime: 2_000,
            retry: (count, error) => error instanceof TrestleError && error.retryable && count < 2,
          },
        },
      }),
    []
  )
  const client = useMemo(
    () =>
      createClient({
        url: window.location.origin,
        project,
        ...(apiKey === null ? {} : { apiKey }),
      }),
    [apiKey, project]
  )
  const session = useMemo<Session>(
    () => ({
      client,
      project,
      hasKey: apiKey !== null,
      lockedBecause,
      setProject: (name) => {
        keepProject(name)
        setProject(name)
      },
      setKey: (key) => {
        keepKey(key)
        setKey(key)
        setLocked(null)
        queries.clear()
      },
    }),
    [client, project, apiKey, lockedBecause, queries]
  )
  return (
    <QueryClientProvider client={queries}>
      <SessionContext value={session}>{children}</SessionContext>
    </QueryClientProvider>
  )
}

export function useSession(): Session {
  const session = use(SessionContext)
  if (session === null) throw new Error('useSession outside of SessionProvider')
  return session
}

export type Reading<T> = UseQueryResult<T>

/**
 * Reads from the server and keeps the answer under `key` (per project). `everyMs` reads again while the page is in view.
 */
export function useRead<T>(
  key: readonly unknown[],
  read: (client: TrestleClient, signal: AbortSignal) => Promise<T>,
  options: { everyMs?: number; enabled?: boolean } = {}
): Reading<T> {
  const { client, project, hasKey } = useSession()
  return useQuery({
    queryKey: [project, hasKey, ...key],
    queryFn: ({ signal }) => read(client, signal),
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
    enabled: options.enabled ?? true,
  })
}

/** Changes something on the server; then everything shown is read again. */
export function useChange<Input, Output>(
  change: (client: TrestleClient, input: Input) => Promise<Output>,
  onDone?: (output: Output) => void
) {
  const { client } = useSession()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (input: Input) => change(client, input),
    onSuccess: async (output) => {
      onDone?.(output)
      await queries.invalidateQueries()
    },
  })
}
