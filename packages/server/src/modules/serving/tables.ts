/** The tables of this module. Times are epoch milliseconds. */
export type ServingTables = {
  serving_endpoints: {
    id: string
    project: string
    name: string
    /** Counts changes; a writer names the one it read. */
    revision: number
    /** The variants, traffic and settings, as JSON. */
    definition: string
    created_at: number
    updated_at: number
  }
  llm_limits: {
    project: string
    name: string
    api_key_id: string | null
    endpoint: string | null
    requests_per_minute: number | null
    tokens_per_minute: number | null
    max_concurrent: number | null
  }
}
