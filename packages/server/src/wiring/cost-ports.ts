import type { Clock } from '../kernel/clock.ts'
import type { SpendNotice } from '../modules/costs/index.ts'
import type { Monitoring } from '../modules/monitoring/index.ts'

/** News of budgets goes to the receivers of alerts. */
export const spendNoticesFrom =
  (monitoring: Monitoring, clock: Clock) =>
  ({ details, ...notice }: SpendNotice): Promise<void> =>
    monitoring.notify({
      ...notice,
      kind: 'budget',
      text: Object.entries(details)
        .map(([name, value]) => `${name}: ${value}`)
        .join(', '),
      link: '/costs',
      details: { ...details, what: notice.kind },
      at: clock.now(),
    })
