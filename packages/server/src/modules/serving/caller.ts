/** Who asked for a run, for runtimes that pass it on. */
export type Caller = Readonly<{
  requestId: string
  /** A request header by its lower-case name. */
  header: (name: string) => string | undefined
}>

const NO_HEADER = (): undefined => undefined

/** Nobody in particular: a warm-up or a check. */
export const NOBODY: Caller = { requestId: '', header: NO_HEADER }
