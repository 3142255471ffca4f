import { setTimeout as wait } from 'node:timers/promises'
import type { Context } from '../context.ts'
import { withProgress } from '../progress.ts'
import { tellTransition } from './rollout-story.ts'

const EVERY_MS = 500

/** Tells each step of a rollout as it is taken, until it ends. The exit code: 0 when it was promoted or finished, else 1. As JSON, prints the ended rollout. */
export async function watchRollout({ client, out }: Context, id: string): Promise<number> {
  let told = 0
  return withProgress('Waiting for the rollout', async (progress) => {
    for (;;) {
      const rollout = await client.rollouts.getRollout({ id })
      const news = rollout.timeline.slice(told)
      told = rollout.timeline.length
      progress.clear()
      for (const one of news) out.say(tellTransition(one, rollout.createdAt))
      if (!rollout.isActive) {
        if (!out.json(rollout)) out.say(`Ended: ${rollout.phase}. ${rollout.reason}`)
        return rollout.phase === 'promoted' || rollout.phase === 'finished' ? 0 : 1
      }
      progress.update(
        `${rollout.phase} at ${rollout.weights.candidatePercent}%: ${rollout.reason}`,
        rollout.weights.candidatePercent / 100
      )
      await wait(EVERY_MS)
    }
  })
}
