import { expect, test } from 'vitest'
import { parseReference } from './reference.ts'

test.each([
  ['fraud/3', { kind: 'version', name: 'fraud', version: 3 }],
  ['models:/fraud/3', { kind: 'version', name: 'fraud', version: 3 }],
  ['fraud@champion', { kind: 'alias', name: 'fraud', alias: 'champion' }],
  ['models:/fraud@champion', { kind: 'alias', name: 'fraud', alias: 'champion' }],
  ['models:/fraud/production', { kind: 'stage', name: 'fraud', stage: 'Production' }],
  ['fraud/latest', { kind: 'latest', name: 'fraud' }],
])('%s points at one version', (text, expected) => {
  expect(parseReference(text)).toEqual(expected)
})

test.each(['fraud', '', 'fraud/', 'fraud/0', 'fraud/-1', 'fraud/x', 'fraud@', '/3', '@a', 'a/3/4'])(
  '"%s" points at nothing',
  (text) => {
    expect(parseReference(text)).toBeNull()
  }
)
