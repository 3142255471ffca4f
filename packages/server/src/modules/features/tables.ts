/** The tables of this module in the metadata database. Times are epoch milliseconds, specs are JSON. */
export type FeatureTables = {
  feature_definitions: {
    project: string
    kind: 'entity' | 'view' | 'on_demand' | 'service'
    name: string
    version: number
    spec: string
    created_at: number
    updated_at: number
  }
  feature_storages: { id: number; project: string; view: string; spec: string }
  feature_consistency: {
    project: string
    view: string
    version: number
    hour: number
    spec: string
  }
  feature_usage: {
    project: string
    view: string
    feature: string
    /** Empty where features were asked for one by one. */
    service: string
    day: number
    reads: number
    last_read_at: number
  }
  feature_refreshes: {
    project: string
    view: string
    started_at: number
    ended_at: number | null
    error: string | null
  }
  feature_settings: { name: string; value: string }
  feature_training_sets: {
    id: string
    project: string
    name: string
    digest: string
    spec: string
    created_at: number
  }
}
