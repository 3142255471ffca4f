import { expectThat } from '../expect-that.ts'
import { runRollout } from '../rollout.ts'
import { ENDPOINT, MODEL, type Stage } from '../stage.ts'

const CANARY = {
  kind: 'canary',
  steps: [
    { weightPercent: 25, bakeMs: 500, minRequests: 200 },
    { weightPercent: 50, bakeMs: 500, minRequests: 500 },
  ],
  finalBakeMs: 500,
} as const
const GATES = [
  { metric: 'error-rate', margin: 0.05 },
  { metric: 'label-quality', margin: 0.06, isCritical: true },
] as const

/** v2 takes real traffic step by step and is promoted, because it is shown to be no worse. */
export async function promoteBetterModel(stage: Stage): Promise<void> {
  const { client, teller } = stage
  const { rollout } = await runRollout(stage, {
    endpoint: ENDPOINT,
    model: `${MODEL}/2`,
    variant: 'v2',
    strategy: { ...CANARY, steps: [...CANARY.steps] },
    gates: [...GATES],
    promoteAlias: 'champion',
    keepOldMs: null,
  })
  expectThat(
    rollout.phase === 'promoted',
    `the canary of v2 ended as ${rollout.phase}: ${rollout.reason}`
  )
  const { traffic } = await client.serving.getEndpoint({ endpoint: ENDPOINT })
  expectThat(
    traffic.weights.some((w) => w.variant === 'v2' && w.basisPoints === 10_000),
    'v2 was promoted but does not carry all traffic'
  )
  teller.say('v2 carries all traffic, and the alias "champion" names version 2')
}

/** v3 looked best in validation. On live traffic it is worse, and the rollout takes it back by itself. */
export async function rollBackHarmfulModel(stage: Stage): Promise<void> {
  const { client, teller } = stage
  const { rollout } = await runRollout(stage, {
    endpoint: ENDPOINT,
    model: `${MODEL}/3`,
    variant: 'v3',
    strategy: { ...CANARY, steps: [...CANARY.steps] },
    gates: [...GATES],
    promoteAlias: 'champion',
    keepOldMs: null,
  })
  expectThat(
    rollout.phase === 'rolled-back',
    `the canary of v3 ended as ${rollout.phase}: ${rollout.reason}`
  )
  const { traffic } = await client.serving.getEndpoint({ endpoint: ENDPOINT })
  expectThat(
    !traffic.weights.some((w) => w.variant === 'v3' && w.basisPoints > 0),
    'v3 was rolled back but still has traffic'
  )
  for (const verdict of rollout.look?.verdicts.filter((v) => v.verdict === 'fail') ?? [])
    teller.say(`why: ${verdict.sentence}`)
}
