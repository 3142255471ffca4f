import { expectThat } from '../expect-that.ts'
import { runRollout } from '../rollout.ts'
import { ENDPOINT, MODEL, type Stage } from '../stage.ts'

/** v2 answers copies of live requests; nobody sees its answers, and the pairs are compared. */
export async function shadowBetterModel(stage: Stage): Promise<void> {
  const { client, teller } = stage
  const { rollout } = await runRollout(stage, {
    endpoint: ENDPOINT,
    model: `${MODEL}/2`,
    variant: 'v2',
    strategy: { kind: 'shadow', share: 1, bakeMs: 1_000, minRequests: 500, onPass: 'finish' },
    gates: [
      { metric: 'error-rate', margin: 0.05 },
      { metric: 'nan-outputs', margin: 0.05 },
      { metric: 'agreement', margin: 0.1 },
    ],
  })
  expectThat(
    rollout.phase === 'finished',
    `the shadow of v2 ended as ${rollout.phase}: ${rollout.reason}`
  )
  const report = await client.monitoring.getComparison({
    endpoint: ENDPOINT,
    primary: rollout.baseline,
    shadow: rollout.candidate,
  })
  const percent = (share: number | null): string =>
    share === null ? '–' : `${(100 * share).toFixed(1)} %`
  teller.say(
    `${report.pairs} pairs: same decision ${percent(report.agreement)}, mean score difference ${report.meanAbsDiff?.toFixed(4) ?? '–'}, rank correlation ${report.spearman?.toFixed(2) ?? '–'}, errors ${report.shadowErrors}`
  )
  expectThat(report.pairs >= 500, `only ${report.pairs} pairs were compared`)
}
