const COUNT = 6

/** The colour of the i-th of several things on one page. */
export const seriesColor = (index: number): string =>
  `var(--series-${(Math.max(index, 0) % COUNT) + 1})`
