/** The tables of this module. Times are epoch milliseconds, `*_json` holds JSON. */
export type MonitoringTables = {
  log_settings: {
    project: string
    endpoint: string
    sampling_rate: number
    retention_days: number
    masks_json: string
  }
  labels: {
    project: string
    /** As given: the id of a prediction row. */
    prediction_id: string
    value_json: string
    at: number
    received_at: number
    actor: string
    /** Whether its prediction was found: 1 or 0; 2 when it was looked for in vain. */
    joined: number
  }
  label_changes: {
    project: string
    prediction_id: string
    value_json: string
    at: number
    replaced_at: number
    replaced_by: string
  }
  /** A label beside the prediction it is of, and beside the shadows of that prediction. */
  label_outcomes: {
    project: string
    prediction_id: string
    label_id: string
    endpoint: string
    endpoint_id: string
    variant: string
    role: 'live' | 'shadow'
    prediction_at: number
    received_at: number
    label_json: string
    score: number | null
    predicted_json: string
    /** 0 or 1 for classes, absolute error for numbers. */
    error: number
    /** Log-loss of a score between 0 and 1; null when there is none. */
    log_loss: number | null
    squared_error: number | null
  }
  monitors: {
    project: string
    name: string
    endpoint: string
    spec_json: string
    /** Raised when the reference or the windows begin anew. */
    generation: number
    reference_json: string | null
    reference_rows: number | null
    reference_at: number | null
    /** The last row (or moment) that was in a window. */
    cursor_at: number
    cursor_id: string
    state: 'waiting' | 'insufficient' | 'ok' | 'drift' | 'failed'
    summary: string
    last_evaluated_at: number | null
    created_at: number
    updated_at: number
  }
  /** What a window held, for later windows that are compared with it. */
  window_profiles: {
    project: string
    monitor: string
    generation: number
    from_at: number
    to_at: number
    profile_json: string
  }
  drift_reports: {
    id: string
    project: string
    monitor: string
    generation: number
    endpoint: string
    state: 'waiting' | 'insufficient' | 'ok' | 'drift' | 'failed'
    trigger_kind: 'scheduled' | 'manual'
    from_at: number
    to_at: number
    row_count: number
    column_count: number
    drifted_json: string
    summary: string
    body_json: string
    created_at: number
  }
  alerts: {
    id: string
    project: string
    fingerprint: string
    kind: 'drift' | 'quality'
    severity: 'ticket' | 'page'
    state: 'firing' | 'resolved'
    endpoint: string
    monitor: string
    title: string
    summary: string
    columns_json: string
    report_id: string | null
    starts_at: number
    last_seen_at: number
    ends_at: number | null
  }
  silences: {
    id: string
    project: string
    endpoint: string | null
    monitor: string | null
    comment: string
    created_by: string
    starts_at: number
    ends_at: number
  }
  receivers: {
    project: string
    name: string
    kind: 'webhook' | 'slack' | 'pagerduty' | 'email' | 'alertmanager'
    url: string
    secret: string | null
    /** Sender and addressees of an e-mail; null for the other kinds. */
    mail_json: string | null
    created_at: number
  }
  notices: {
    id: string
    project: string
    kind: string
    severity: 'info' | 'warning' | 'critical'
    subject: string
    title: string
    text: string
    link: string | null
    details_json: string
    at: number
  }
  notice_deliveries: {
    id: string
    project: string
    notice_id: string
    receiver: string
    state: 'pending' | 'delivered' | 'failed'
    attempts: number
    next_attempt_at: number | null
    last_error: string | null
    created_at: number
    delivered_at: number | null
  }
  alert_actions: {
    id: string
    project: string
    alert_id: string
    action: 'abort-rollout' | 'roll-back'
    state: 'pending' | 'done' | 'skipped' | 'failed'
    attempts: number
    /** While a server is at it: when another may take over. */
    next_attempt_at: number | null
    outcome: string | null
    done_at: number | null
  }
  deliveries: {
    id: string
    project: string
    alert_id: string
    receiver: string
    event: 'firing' | 'resolved'
    state: 'pending' | 'delivered' | 'failed'
    attempts: number
    next_attempt_at: number | null
    last_error: string | null
    created_at: number
    delivered_at: number | null
  }
}
