/** The tables of this module. Times are epoch milliseconds. */
export type LineageTables = {
  /** OpenLineage events that have not arrived yet, oldest first. */
  openlineage_outbox: {
    id: string
    body: string
    attempts: number
    due_at: number
    last_error: string | null
    created_at: number
  }
}
