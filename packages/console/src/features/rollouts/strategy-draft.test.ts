import { api } from '@trestle/contract'
import { expect, test } from 'vitest'
import { firstDraft, STRATEGIES, stepsOf, toStrategy } from './strategy-draft.ts'

test('every strategy of the form is one that the API takes', () => {
  for (const { kind } of STRATEGIES) {
    const strategy = toStrategy({ ...firstDraft, kind })
    const parsed = api.rollouts.createRollout.body.safeParse({
      endpoint: 'fraud',
      model: 'fraud/2',
      strategy,
    })
    expect([kind, parsed.error?.issues]).toEqual([kind, undefined])
  }
})

test('steps that do not rise, or a split without a goal, are not sent', () => {
  expect(stepsOf('5, 25,50')).toEqual([5, 25, 50])
  expect(stepsOf('25, 5')).toMatch(/more than the one before/)
  expect(stepsOf('')).toMatch(/at least one/)
  expect(stepsOf('5, x')).toMatch(/between 0 and 100/)
  expect(toStrategy({ ...firstDraft, kind: 'canary', steps: '0' })).toBeNull()
  expect(toStrategy({ ...firstDraft, kind: 'bandit', goal: ' ' })).toBeNull()
})
