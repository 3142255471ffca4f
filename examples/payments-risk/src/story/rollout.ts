import type { Rollout } from '@trestle/contract'
import type { TrestleClient } from '@trestle/sdk'
import { expectThat } from './expect-that.ts'
import type { Scored } from './payments.ts'
import type { Stage } from './stage.ts'

const MAX_PAYMENTS = 30_000

type NewRollout = Parameters<TrestleClient['rollouts']['createRollout']>[0]

/** Starts a rollout and keeps payments coming, with their labels, until it ends. Tells each change of phase as the server wrote it down. */
export async function runRollout(
  { client, teller, payments }: Stage,
  wanted: NewRollout
): Promise<{ rollout: Rollout; scored: Scored[] }> {
  let rollout: Rollout = await client.rollouts.createRollout(wanted)
  const scored: Scored[] = []
  let told = 0
  let shown = ''
  let reason = ''
  const tellNews = async (): Promise<void> => {
    const { timeline, ...current } = await client.rollouts.getRollout({ id: rollout.id })
    rollout = current
    for (const step of timeline.filter(({ seq }) => seq > told)) {
      told = step.seq
      const head = `${step.to.padEnd(12)} ${step.weights.candidatePercent} % live`
      if (head === shown && step.reason === reason) continue
      teller.say(
        step.reason === reason
          ? head
          : `${head}\n${step.reason
              .split('; ')
              .map((part) => `  ${part}`)
              .join('\n')}`
      )
      shown = head
      reason = step.reason
    }
  }
  while (rollout.isActive) {
    expectThat(
      scored.length < MAX_PAYMENTS,
      `the rollout of ${rollout.candidate} did not end within ${MAX_PAYMENTS} payments; it is ${rollout.phase}: ${rollout.reason}`
    )
    const batch = await payments.send(200, () => undefined)
    await payments.reportLabels(batch)
    scored.push(...batch)
    teller.progress('payments', scored.length, MAX_PAYMENTS)
    await tellNews()
  }
  await tellNews()
  return { rollout, scored }
}
