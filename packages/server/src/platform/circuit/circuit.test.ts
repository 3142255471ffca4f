import { expect, test } from 'vitest'
import { createManualClock } from '../../kernel/clock.ts'
import { createCircuit, type Attempt, type Circuit } from './circuit.ts'

const build = () => {
  const clock = createManualClock(0)
  return { clock, circuit: createCircuit({ clock, failureThreshold: 3, openForMs: 1_000 }) }
}
const begin = (circuit: Circuit): Attempt => {
  const attempt = circuit.tryAcquire()
  if (attempt === null) throw new Error('no call may go out')
  return attempt
}
const failThrice = (circuit: Circuit): void => {
  for (let i = 0; i < 3; i++) begin(circuit).fail()
}

test('opens after so many failures in a row, and a success starts the count again', () => {
  const { circuit } = build()
  begin(circuit).fail()
  begin(circuit).fail()
  begin(circuit).succeed()
  begin(circuit).fail()
  begin(circuit).fail()
  begin(circuit).fail()
  expect(circuit.state).toBe('open')
  expect(circuit.tryAcquire()).toBeNull()
})

test('after its time one probe goes out at a time', () => {
  const { clock, circuit } = build()
  failThrice(circuit)
  clock.advance(999)
  expect([circuit.tryAcquire(), circuit.retryAfterMs()]).toEqual([null, 1])
  clock.advance(1)
  expect(circuit.state).toBe('half-open')
  begin(circuit)
  expect(circuit.tryAcquire()).toBeNull()
})

test('a probe decides: success closes, failure opens for the whole time again', () => {
  const { clock, circuit } = build()
  failThrice(circuit)
  clock.advance(1_000)
  begin(circuit).fail()
  expect(circuit.retryAfterMs()).toBe(1_000)
  clock.advance(1_000)
  begin(circuit).succeed()
  expect(circuit.state).toBe('closed')
  begin(circuit)
  begin(circuit)
})

test('a probe that was given up lets the next one out', () => {
  const { clock, circuit } = build()
  failThrice(circuit)
  clock.advance(1_000)
  begin(circuit).release()
  begin(circuit)
})

test('calls from before it opened neither lengthen the wait, nor take the place of the probe, nor close it', () => {
  const { clock, circuit } = build()
  const old = [begin(circuit), begin(circuit), begin(circuit)]
  failThrice(circuit)
  clock.advance(600)
  old[0]?.fail()
  expect(circuit.retryAfterMs()).toBe(400)
  clock.advance(400)
  begin(circuit)
  old[1]?.fail()
  old[2]?.succeed()
  expect([circuit.state, circuit.tryAcquire()]).toEqual(['half-open', null])
})
