import { createRng, type Rng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { evaluateWindow } from './evaluate-window.ts'
import { gauss, reference, rowsOf, specOf, type Values } from '../test/drift-world.ts'

/** Columns of many shapes: normal, skewed, whole numbers, rare and frequent categories, missing values. */
function mixture(rng: Rng): Values {
  const row: Values = {}
  for (let c = 0; c < 2; c++) row[`normal${c}`] = gauss(rng)
  row['lognormal'] = Math.exp(1.5 * gauss(rng))
  row['whole'] = Math.floor(rng() * 40)
  row['flag'] = rng() < 0.3
  row['few'] = ['a', 'b', 'c', 'd', 'e'][Math.floor(rng() * 5)] ?? 'a'
  row['rare'] = rng() < 0.995 ? 'usual' : `odd${Math.floor(rng() * 20)}`
  row['many'] = `k${Math.floor(80 * rng() ** 2)}`
  row['gappy'] = rng() < 0.1 ? null : gauss(rng)
  return row
}

/** The share of windows without drift that alarm: by significance alone, and with the default thresholds. */
function falseAlarms(n: number, windows: number): { bare: number; standard: number } {
  const rng = createRng(20_260 + n)
  const bare = specOf({
    numeric: { threshold: 1e-9 },
    categorical: { threshold: 1e-9 },
    missingThreshold: 1e-9,
    outsideThreshold: 1e-9,
  })
  const counts = { bare: 0, standard: 0 }
  for (let i = 0; i < windows; i++) {
    // Each window has a reference of its own: one odd reference would else decide all of them.
    const known = reference(rowsOf(300, () => mixture(rng)))
    const window = rowsOf(n, () => mixture(rng))
    // Thresholds only take alarms away, so windows that are silent without them need no second look.
    if (evaluateWindow(known, window, bare).state !== 'drift') continue
    counts.bare++
    if (evaluateWindow(known, window, specOf()).state === 'drift') counts.standard++
  }
  return { bare: counts.bare / windows, standard: counts.standard / windows }
}

// 300 windows at a rate of 5 %: 8 % is 2.4 standard errors above it.
test.each([100, 1000])(
  'without drift, windows of %d rows alarm in no more than the stated share',
  (n) => {
    const { bare, standard } = falseAlarms(n, 300)
    expect(bare).toBeLessThanOrEqual(0.08)
    expect(standard).toBeLessThanOrEqual(0.05)
  }
)
