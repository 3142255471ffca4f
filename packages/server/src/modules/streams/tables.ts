/** The tables of this module. Times are epoch milliseconds. */
export type StreamTables = {
  streams: {
    project: string
    name: string
    declared: string
    /** Grows with every change, so that servers follow it. */
    revision: number
    created_at: number
  }
}
