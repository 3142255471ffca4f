/** The tables of this module. Times are epoch milliseconds; money is decimal text, because SQL numbers round. */
export type CostTables = {
  /** Usage by hour and by everything that costs are asked by. Counts only grow. */
  cost_usage: {
    hour: number
    project: string
    endpoint_id: string
    endpoint: string
    variant: string
    model_name: string
    model_version: number
    role: 'live' | 'shadow'
    /** The empty text stands for callers without a key. */
    api_key_id: string
    device: 'cpu' | 'gpu' | 'remote'
    requests: number
    predictions: number
    busy_us: number
  }
  /** How long each device was there to be used, by hour, in unit-microseconds. */
  cost_capacity: {
    hour: number
    device: 'cpu' | 'gpu' | 'remote'
    available_us: number
  }
  /** How busy each device was, by hour, as its driver told. Sums only grow. */
  cost_utilisation: {
    hour: number
    device: 'cpu' | 'gpu'
    unit: string
    name: string
    /** Time over which it told how busy it was, and its busy part. */
    observed_us: number
    busy_us: number
    peak_permille: number
    /** 0: not told. */
    memory_peak: number
    memory_total: number
    energy_mj: number
  }
  /** How far the ledger has read each inference log. */
  cost_cursors: { log_id: string; sequence: number }
  /** Prices of the machine that all projects share. */
  rate_cards: {
    name: string
    device: 'cpu' | 'gpu' | 'remote'
    usd_per_unit_hour: string
    units: number | null
    valid_from: number
    valid_to: number | null
    source: string
    created_at: number
  }
  budgets: {
    project: string
    name: string
    endpoint: string | null
    api_key_id: string | null
    tag: string | null
    /** 1: counts what all projects spend. */
    every_project: number
    period: 'hour' | 'day' | 'week' | 'month'
    time_zone: string
    usd: string
    warn_at: number
    hard_stop: number
  }
  /** What of a budget is gone in one window, in millionths of a dollar. */
  budget_windows: {
    project: string
    name: string
    window_from: number
    /** By LLM calls. */
    spent_micro: number
    /** By other predictions, as of the last look. */
    other_micro: number
    /** Set aside by processes. */
    leased_micro: number
  }
  /** What each process has set aside. */
  budget_leases: {
    holder: string
    project: string
    name: string
    window_from: number
    micro: number
    renewed_at: number
  }
  /** What was told of a window, so that it is told once. */
  budget_notices: {
    project: string
    name: string
    window_from: number
    kind: string
    told_at: number
  }
}
