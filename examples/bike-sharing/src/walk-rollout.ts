import { setTimeout as delay } from 'node:timers/promises'
import type { TrestleClient } from '@trestle/sdk'
import type { Hour } from './replay.ts'
import type { Answered, Traffic } from './traffic.ts'
import { until } from './until.ts'

type Rollout = Awaited<ReturnType<TrestleClient['rollouts']['getRollout']>>

export type Walked = Readonly<{
  rollout: Rollout
  answered: readonly Answered[]
  hoursLeft: number
}>

/** Hours between two looks. */
const STRIDE = 120

/** Sends hours while a rollout runs: a few days, then its next look at the evidence, until it ends or the hours do. */
export async function walkRollout(
  client: TrestleClient,
  walk: { id: string; traffic: Traffic; hours: readonly Hour[] }
): Promise<Walked> {
  const answered: Answered[] = []
  let rollout = await nextLook(client, await client.rollouts.getRollout({ id: walk.id }))
  let at = 0
  while (rollout.isActive && at < walk.hours.length) {
    answered.push(...(await walk.traffic.send(walk.hours.slice(at, at + STRIDE))))
    at = Math.min(walk.hours.length, at + STRIDE)
    const before = rollout
    rollout = await nextLook(client, before)
    if (rollout.isActive && rollout.step !== before.step) {
      rollout = await nextLook(client, rollout)
      // Evidence of a step is counted in whole seconds from its beginning: requests before the first full one would be lost.
      await delay(1_000)
    }
  }
  return { rollout, answered, hoursLeft: walk.hours.length - at }
}

/** Waits until the rollout has looked at its evidence once more, or has ended. */
async function nextLook(client: TrestleClient, { id, reason }: Rollout): Promise<Rollout> {
  const ask = () => client.rollouts.getRollout({ id })
  const seen = (await ask()).look?.at
  const hasLooked = (now: Rollout): boolean => !now.isActive || now.look?.at !== seen
  return until(ask, hasLooked, `a look of the rollout, of which is known: ${reason}`)
}
