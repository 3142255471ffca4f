import { expect, test } from 'vitest'
import { createManualClock } from '../../kernel/clock.ts'
import { createCircuit } from './circuit.ts'

const build = () => {
  const clock = createManualClock(0)
  return { clock, circuit: createCircuit({ clock, failureThreshold: 3, openForMs: 1_000 }) }
}
const failThrice = (circuit: ReturnType<typeof createCircuit>): void => {
  for (let i = 0; i < 3; i++) circuit.fail()
}

test('opens after so many failures in a row, and a success starts the count again', () => {
  const { circuit } = build()
  circuit.fail()
  circuit.fail()
  circuit.succeed()
  circuit.fail()
  circuit.fail()
  expect(circuit.tryAcquire()).toBe(true)
  circuit.fail()
  expect(circuit.state).toBe('open')
  expect(circuit.tryAcquire()).toBe(false)
})

test('after its time one probe goes out at a time', () => {
  const { clock, circuit } = build()
  failThrice(circuit)
  clock.advance(999)
  expect([circuit.tryAcquire(), circuit.retryAfterMs()]).toEqual([false, 1])
  clock.advance(1)
  expect(circuit.state).toBe('half-open')
  expect([circuit.tryAcquire(), circuit.tryAcquire()]).toEqual([true, false])
})

test('a probe decides: success closes, failure opens for the whole time again', () => {
  const { clock, circuit } = build()
  failThrice(circuit)
  clock.advance(1_000)
  circuit.tryAcquire()
  circuit.fail()
  expect(circuit.retryAfterMs()).toBe(1_000)
  clock.advance(1_000)
  circuit.tryAcquire()
  circuit.succeed()
  expect([circuit.state, circuit.tryAcquire(), circuit.tryAcquire()]).toEqual([
    'closed',
    true,
    true,
  ])
})

test('a probe that was given up lets the next one out', () => {
  const { clock, circuit } = build()
  failThrice(circuit)
  clock.advance(1_000)
  circuit.tryAcquire()
  circuit.release()
  expect(circuit.tryAcquire()).toBe(true)
})

test('calls that fail late do not lengthen the wait', () => {
  const { clock, circuit } = build()
  failThrice(circuit)
  clock.advance(600)
  circuit.fail()
  expect(circuit.retryAfterMs()).toBe(400)
})
