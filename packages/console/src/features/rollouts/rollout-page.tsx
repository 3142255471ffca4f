import type { Rollout, RolloutTransition } from '@trestle/contract'
import { Link, useParams } from 'wouter'
import { Loaded } from '../../components/loaded.tsx'
import { Page, Panel } from '../../components/page.tsx'
import { StatusWord } from '../../components/status-word.tsx'
import { Stat, Stats } from '../../components/stat.tsx'
import { TimeChart, type ChartRow } from '../../components/time-chart.tsx'
import { useNow, When } from '../../components/when.tsx'
import { formatDuration, formatShare, inWords } from '../../lib/format.ts'
import { useRead } from '../../lib/trestle.tsx'
import { GatesPanel } from './gates-panel.tsx'
import { phaseTone, sayPhase } from './phase.ts'
import { PlanStrip } from './plan-strip.tsx'
import { RolloutActions } from './rollout-actions.tsx'
import { RolloutTimeline } from './rollout-timeline.tsx'

export type RolloutStory = Rollout & { timeline: RolloutTransition[] }

export function RolloutPage() {
  const { id = '' } = useParams()
  const rollout = useRead(['rollout', id], (client) => client.rollouts.getRollout({ id }), {
    everyMs: 5_000,
  })
  if (rollout.data === undefined)
    return (
      <Page title="Rollout" says=" " parent={{ label: 'Rollouts', href: '/rollouts' }}>
        <Loaded reading={rollout}>{() => null}</Loaded>
      </Page>
    )
  return <RolloutView rollout={rollout.data} />
}

function RolloutView({ rollout }: { rollout: RolloutStory }) {
  const { model, endpoint } = rollout
  return (
    <Page
      title={`${model.name} v${model.version} → ${endpoint}`}
      parent={{ label: 'Rollouts', href: '/rollouts' }}
      badge={
        <StatusWord
          tone={phaseTone(rollout.phase)}
          word={sayPhase(rollout)}
          isLive={rollout.isActive}
        />
      }
      says={rollout.reason}
      actions={<RolloutActions rollout={rollout} />}
    >
      <RolloutFigures rollout={rollout} />
      <Panel title="Steps" says={sayStrategy(rollout)}>
        <PlanStrip rollout={rollout} />
      </Panel>
      <WeightsPanel rollout={rollout} />
      <GatesPanel rollout={rollout} />
      <Panel
        title="What happened"
        says="Newest first. Each step was written down, with its evidence, before it took effect."
      >
        <RolloutTimeline timeline={rollout.timeline} />
      </Panel>
    </Page>
  )
}

function sayStrategy({ strategy, isByPolicy, createdBy }: RolloutStory): string {
  const name = inWords(strategy.kind === 'preset' ? strategy.preset : strategy.kind)
  return isByPolicy ? `${name}, by the endpoint’s policy when ${createdBy} moved it` : name
}

function RolloutFigures({ rollout }: { rollout: RolloutStory }) {
  const now = useNow()
  const stage = rollout.stages[rollout.step]
  return (
    <Stats>
      <Stat
        label="New variant has"
        value={formatShare(rollout.weights.candidatePercent / 100)}
        note={
          <>
            {rollout.candidate}, against {rollout.baseline}
          </>
        }
      />
      <Stat
        label="Step"
        value={`${Math.min(rollout.step + 1, rollout.stages.length)} of ${rollout.stages.length}`}
        note={
          stage === undefined
            ? 'all steps taken'
            : `${inWords(stage.kind)}, at least ${formatDuration(stage.bakeMs)} and ${stage.minRequests} requests`
        }
      />
      <Stat
        label={rollout.isActive ? 'Running for' : 'Took'}
        value={formatDuration(Math.max((rollout.endedAt ?? now) - rollout.createdAt, 0))}
        note={
          <>
            started <When at={rollout.createdAt} /> by {rollout.createdBy}
          </>
        }
      />
      <Stat
        label="Endpoint"
        value={rollout.endpoint}
        href={`/endpoints/${rollout.endpoint}`}
        note={
          rollout.promoteAlias === null && rollout.promoteStage === null
            ? 'no alias or stage moves'
            : `then moves ${rollout.promoteAlias === null ? `to ${rollout.promoteStage ?? ''}` : `@${rollout.promoteAlias}`}`
        }
      />
      {rollout.isActive ? (
        <Stat
          label="Has to be through"
          value={formatDuration(Math.max(rollout.deadlineAt - now, 0))}
          note={
            <>
              deadline <When at={rollout.deadlineAt} />
            </>
          }
        />
      ) : null}
    </Stats>
  )
}

const SHADOW_SERIES = {
  key: 'shadow',
  label: 'gets copies (shadow)',
  color: 'var(--series-2)',
  shape: 'step',
  isDashed: true,
} as const

function WeightsPanel({ rollout }: { rollout: RolloutStory }) {
  const now = useNow()
  const steps = rollout.timeline.map((t): ChartRow => ({
    x: t.at,
    live: t.weights.candidatePercent,
    shadow: t.weights.shadowShare * 100,
  }))
  const hasShadow = rollout.stages.some((stage) => stage.shadowShare > 0)
  const end = rollout.endedAt ?? Math.max(now, steps.at(-1)?.x ?? 0)
  const last: ChartRow = {
    x: end,
    live: rollout.weights.candidatePercent,
    shadow: rollout.weights.shadowShare * 100,
  }
  return (
    <Panel
      title="Traffic of the new variant"
      says={
        <>
          In percent of the requests to{' '}
          <Link href={`/endpoints/${rollout.endpoint}`} className="link">
            {rollout.endpoint}
          </Link>
        </>
      }
    >
      <TimeChart
        label="Traffic of the new variant over time"
        rows={[...steps, last]}
        domain={[0, 100]}
        unit="%"
        height={190}
        series={[
          { key: 'live', label: 'answers requests', color: 'var(--series-1)', shape: 'step-area' },
          ...(hasShadow ? [SHADOW_SERIES] : []),
        ]}
      />
    </Panel>
  )
}
