/** Whether an endpoint may answer now, as whoever keeps its budgets says. Asked before each prediction, so it must answer from memory. */
export type Admission = (asked: {
  project: string
  endpoint: string
  apiKeyId: string | null
}) => Readonly<{ kind: 'allowed' } | { kind: 'refused'; budget: string }>
