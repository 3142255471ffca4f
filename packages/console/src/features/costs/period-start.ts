/** When an hour (`2026-11-23T20`) or day (`2026-11-23`) of a cost report begins; both are UTC. */
export const periodStart = (label: string): number =>
  Date.parse(label.length === 13 ? `${label}:00Z` : label)
