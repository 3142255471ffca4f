import { monitorSpec } from '@trestle/contract'
import { expect, test } from 'vitest'
import type { Alerts } from '../alerts/alerts.ts'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import type { LabelStore } from '../labels/store.ts'
import { createQualityWatch } from './quality-watch.ts'
import type { References } from './references.ts'
import type { MonitorRow, MonitorStore } from './store.ts'

const spec = monitorSpec.parse({
  name: 'm',
  endpoint: 'e',
  reference: { kind: 'first', rows: 100 },
  window: { kind: 'rows', rows: 100 },
  quality: { problem: 'binary' },
})

type Word = 'ok' | 'worse'
/** Windows newest first: what labels say of each, and what was estimated. */
const told = async (windows: readonly [labels: Word | null, estimate: Word | null][]) => {
  const said: string[] = []
  const watch = createQualityWatch({
    store: {
      windows: async () =>
        windows.map(([labels, estimate], i) => ({
          id: `w${i}`,
          body_json: JSON.stringify({
            columnReports: [],
            quality: {
              state: labels ?? 'insufficient',
              finding: '',
              estimate: estimate === null ? null : { state: estimate, finding: '' },
            },
          }),
        })),
    } as unknown as MonitorStore,
    alerts: {
      raise: async (alert: { severity: string; reportId: string }) =>
        void said.push(`${alert.severity} ${alert.reportId}`),
      resolve: async () => void said.push('resolved'),
    } as unknown as Alerts,
    labels: {} as LabelStore,
    references: {} as References,
    log: {} as InferenceLog,
    endpointId: () => 'id',
  })
  await watch.tell({ project: 'p', name: 'm' } as MonitorRow, spec)
  return said
}

test('labels have the last word; an estimate warns before them and never takes back what they said', async () => {
  expect(await told([[null, null]])).toEqual([])
  expect(
    await told([
      [null, 'worse'],
      ['ok', 'ok'],
    ])
  ).toEqual(['ticket w0'])
  expect(
    await told([
      [null, 'ok'],
      [null, 'worse'],
      ['ok', null],
    ])
  ).toEqual(['resolved'])
  expect(
    await told([
      [null, 'ok'],
      ['worse', null],
    ])
  ).toEqual(['page w1'])
  expect(
    await told([
      ['ok', 'worse'],
      ['worse', null],
    ])
  ).toEqual(['resolved'])
})
