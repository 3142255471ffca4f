import { ALIAS, CAREFUL, ENDPOINT, GATES, HALF, MODEL } from './definitions.ts'
import type { Hour } from './replay.ts'
import { maeOf, type Scenario, type Traffic } from './traffic.ts'
import { walkRollout, type Walked } from './walk-rollout.ts'

type Offer = Readonly<{ version: string; traffic: Traffic; hours: readonly Hour[] }>

/** The retrained model goes through shadow and canary, and is promoted on the labels. */
export async function promote(scenario: Scenario, offer: Offer): Promise<void> {
  const { client, facts } = scenario
  facts.step(`Roll out ${MODEL}/${offer.version} on September and October`)
  const { id, baseline, candidate } = await client.rollouts.createRollout({
    endpoint: ENDPOINT,
    model: `${MODEL}/${offer.version}`,
    strategy: CAREFUL,
    gates: GATES,
    promoteAlias: ALIAS,
  })
  const walked = await walkRollout(client, { id, ...offer })
  tell(scenario, walked)
  const { phase, timeline, reason } = walked.rollout
  const phases = timeline.map(({ to }) => to).filter((to) => to !== 'holding')
  const expected = ['shadow', 'canary', 'baking', 'promoted']
  const places = expected.map((stage) => phases.indexOf(stage as (typeof phases)[number]))
  facts.check(
    'it goes through shadow and canary and is promoted',
    phase === 'promoted' && places.every((place, i) => place > (places[i - 1] ?? -1)),
    [...new Set(phases)].join(' → ')
  )
  const quality = timeline
    .filter(({ event, to }) => event === 'advanced' || to === 'baking' || to === 'canary')
    .flatMap(({ verdicts }) => verdicts)
    .filter(({ metric, verdict }) => metric === 'label-quality' && verdict === 'pass')
  facts.check(
    'the shadow and every canary step were passed on label quality',
    quality.length === CAREFUL.steps.length + 1,
    quality.at(-1)?.sentence ?? reason
  )
  const by = Map.groupBy(walked.answered, ({ variant }) => variant)
  const [before, after] = [maeOf(by.get(baseline) ?? []), maeOf(by.get(candidate) ?? [])]
  facts.check(
    'the error of its own answers is less than half of the old one’s',
    after < before / 2,
    `${before.toFixed(1)} → ${after.toFixed(1)}`
  )
  await checkChampion(scenario, { version: offer.version, variant: candidate })
}

/** Winter's model does its harm again to some, and is taken back. */
export async function refuse(
  scenario: Scenario,
  offer: Offer & { champion: string }
): Promise<void> {
  const { client, facts } = scenario
  facts.step(`Offer the stale ${MODEL}/${offer.version} again from November on`)
  const { id, baseline } = await client.rollouts.createRollout({
    endpoint: ENDPOINT,
    model: `${MODEL}/${offer.version}`,
    strategy: HALF,
    gates: GATES,
    promoteAlias: ALIAS,
  })
  const walked = await walkRollout(client, { id, ...offer })
  tell(scenario, walked)
  const { phase, reason, timeline } = walked.rollout
  facts.check('it is rolled back', phase === 'rolled-back')
  const verdict = timeline
    .flatMap(({ verdicts }) => verdicts)
    .findLast(({ verdict }) => verdict === 'fail')
  facts.check(
    'the verdict says why: its squared error is greater for certain',
    verdict?.metric === 'label-quality' &&
      verdict.sentence === reason &&
      (verdict.interval?.low ?? 0) > 0,
    reason
  )
  await checkChampion(scenario, { version: offer.champion, variant: baseline })
}

async function checkChampion(
  { client, facts }: Scenario,
  wanted: { version: string; variant: string }
): Promise<void> {
  const { traffic } = await client.serving.getEndpoint({ endpoint: ENDPOINT })
  const { aliases } = await client.registry.getModel({ name: MODEL })
  const live = traffic.weights.filter(({ basisPoints }) => basisPoints > 0)
  facts.check(
    `${wanted.variant} has all traffic and "${ALIAS}" names it`,
    live.length === 1 &&
      live[0]?.variant === wanted.variant &&
      String(aliases[ALIAS]) === wanted.version,
    `${live.map((w) => `${w.variant} ${w.basisPoints / 100} %`).join()}, ${ALIAS} ${aliases[ALIAS] ?? 'unset'}`
  )
}

function tell({ facts }: Scenario, { rollout, answered, hoursLeft }: Walked): void {
  for (const { event, from, to, weights, reason } of rollout.timeline) {
    if (event === 'traffic-applied') continue
    facts.say(
      `${event}: ${from} → ${to} (${weights.candidatePercent} %, shadow ${weights.shadowShare}): ${reason}`
    )
  }
  const last = answered.at(-1)?.hour.hour_id ?? 'none'
  facts.say(`${answered.length} hours up to ${last}; ${hoursLeft} left`)
}
