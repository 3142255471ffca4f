import { expect, test } from 'vitest'
import { runChecks, type Candidate } from './checks.ts'

const column = (name: string, type = 'double', required = true) =>
  ({ kind: 'column', name, type, required }) as const
const version = (given: Partial<Candidate> = {}): Candidate => ({
  version: 2,
  metrics: { auc: 0.9 },
  signature: { inputs: [column('a')], outputs: [column('y')] },
  tags: {},
  ...given,
})
const none = {
  approvals: 1,
  reviewers: [],
  metrics: [],
  signatureCompatible: false,
  driftReport: false,
}
const auc = { metric: 'auc', higherIsBetter: true, bound: null, worsening: null }
const passed = (...args: Parameters<typeof runChecks>) => runChecks(...args).map((c) => c.passed)

test('a metric is held against its bound and against the champion, in the direction that is better', () => {
  const rule = { ...none, metrics: [{ ...auc, bound: 0.85, worsening: 0.01 }] }
  expect(passed(rule, version(), version({ version: 1, metrics: { auc: 0.905 } }))).toEqual([
    true,
    true,
  ])
  expect(passed(rule, version(), version({ version: 1, metrics: { auc: 0.95 } }))).toEqual([
    true,
    false,
  ])
  expect(passed(rule, version({ metrics: { auc: 0.8 } }), null)).toEqual([false])
  const loss = {
    ...none,
    metrics: [{ ...auc, metric: 'loss', higherIsBetter: false, bound: 0.2, worsening: 0 }],
  }
  expect(
    passed(loss, version({ metrics: { loss: 0.1 } }), version({ metrics: { loss: 0.1 } }))
  ).toEqual([true, true])
  expect(
    passed(loss, version({ metrics: { loss: 0.3 } }), version({ metrics: { loss: 0.1 } }))
  ).toEqual([false, false])
})

test('what is not known fails', () => {
  const rule = { ...none, metrics: [{ ...auc, worsening: 1 }] }
  expect(passed(rule, version({ metrics: {} }), version())).toEqual([false])
  expect(passed(rule, version({ metrics: { auc: Number.NaN } }), version())).toEqual([false])
  expect(passed(rule, version(), version({ metrics: {} }))).toEqual([false])
  expect(passed({ ...none, driftReport: true }, version(), null)).toEqual([false])
  expect(
    passed({ ...none, driftReport: true }, version({ tags: { 'trestle.drift_report': 'r' } }), null)
  ).toEqual([true])
  expect(
    passed({ ...none, signatureCompatible: true }, version({ signature: null }), null)
  ).toEqual([false])
})

test('a signature fits when callers of the champion need send nothing new and miss nothing', () => {
  const rule = { ...none, signatureCompatible: true }
  const fits = (candidate: Candidate['signature']) =>
    passed(rule, version({ signature: candidate }), version({ version: 1 }))[0]
  expect(fits({ inputs: [column('a')], outputs: [column('y'), column('z')] })).toBe(true)
  expect(fits({ inputs: [column('a'), column('b', 'long', false)], outputs: [column('y')] })).toBe(
    true
  )
  expect(fits({ inputs: [column('a'), column('b')], outputs: [column('y')] })).toBe(false)
  expect(fits({ inputs: [column('a', 'long')], outputs: [column('y')] })).toBe(false)
  expect(fits({ inputs: [column('a')], outputs: [] })).toBe(false)
})
