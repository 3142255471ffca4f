import { IconRobot, IconUser } from '@tabler/icons-react'
import { gateKey, type GateVerdict, type RolloutTransition } from '@trestle/contract'
import { IntervalPlot } from '../../components/interval-plot.tsx'
import { StatusWord, Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatDuration, formatShare, inWords } from '../../lib/format.ts'
import { phaseTone, sayGate, verdictTone } from './phase.ts'

const CONTROLLER = 'rollout-controller'

/** The story, newest first: what it did, by whose word, with how much of the traffic, and on which evidence. */
export function RolloutTimeline({ timeline }: { timeline: readonly RolloutTransition[] }) {
  const startedAt = timeline[0]?.at ?? 0
  return (
    <ol className="timeline">
      {timeline.toReversed().map((transition) => (
        <Entry
          key={transition.seq}
          transition={transition}
          before={timeline.find((other) => other.seq === transition.seq - 1) ?? null}
          startedAt={startedAt}
        />
      ))}
    </ol>
  )
}

function Entry({
  transition,
  before,
  startedAt,
}: {
  transition: RolloutTransition
  before: RolloutTransition | null
  startedAt: number
}) {
  const isPerson = transition.actor !== CONTROLLER
  return (
    <li data-tone={phaseTone(transition.to)} data-person={isPerson ? '' : undefined}>
      <div style={{ display: 'flex', gap: 10, flexWrap: 'wrap', alignItems: 'center' }}>
        <b>{headline(transition)}</b>
        <Weights transition={transition} before={before} />
        <span className="faint timeline-who">
          <span title={isPerson ? 'a person' : 'the controller'} className="who">
            {isPerson ? <IconUser size={14} /> : <IconRobot size={14} />}
            {isPerson ? transition.actor : 'controller'}
          </span>
          <span title="since the rollout began">
            +{formatDuration(Math.max(0, transition.at - startedAt))}
          </span>
          <When at={transition.at} />
        </span>
      </div>
      <div>{reasonOf(transition)}</div>
      {transition.verdicts.length === 0 ? null : <Evidence verdicts={transition.verdicts} />}
    </li>
  )
}

/** The gates of a look as chips; opened, each with its interval and its words. */
function Evidence({ verdicts }: { verdicts: readonly GateVerdict[] }) {
  return (
    <details className="evidence">
      <summary>
        {verdicts.map((verdict) => (
          <Tag key={gateKey(verdict)} tone={verdictTone(verdict.verdict)}>
            {sayGate(verdict)}
          </Tag>
        ))}
      </summary>
      <table className="table">
        <tbody>
          {verdicts.map((verdict) => (
            <tr key={gateKey(verdict)}>
              <td style={{ whiteSpace: 'nowrap' }}>
                <b>{sayGate(verdict)}</b>
                <div>
                  <StatusWord tone={verdictTone(verdict.verdict)} word={verdict.verdict} />
                </div>
              </td>
              <td style={{ width: 270 }}>
                {verdict.estimate === null ? (
                  <span className="faint">nothing measured</span>
                ) : (
                  <IntervalPlot
                    label={`${sayGate(verdict)}: ${verdict.sentence}`}
                    estimate={verdict.estimate}
                    interval={verdict.interval}
                    threshold={verdict.threshold}
                    tone={verdictTone(verdict.verdict)}
                  />
                )}
              </td>
              <td className="dim">{verdict.sentence}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}

/** The share of the requests, as a bar; with an arrow when this step moved it. */
function Weights({
  transition,
  before,
}: {
  transition: RolloutTransition
  before: RolloutTransition | null
}) {
  const { candidatePercent, shadowShare } = transition.weights
  const old = before?.weights.candidatePercent ?? candidatePercent
  return (
    <span className="num dim weight">
      <span className="weight-bar" aria-hidden>
        <span style={{ width: `${candidatePercent}%` }} />
      </span>
      {old === candidatePercent ? '' : `${formatShare(old / 100)} → `}
      {formatShare(candidatePercent / 100)}
      {shadowShare > 0 ? `, copies ${formatShare(shadowShare)}` : ''}
    </span>
  )
}

const EVENTS: Readonly<Record<string, string>> = {
  created: 'Begun',
  'traffic-applied': 'Traffic is live',
  'breaker-tripped': 'Circuit breaker',
  'looked.reweight': 'Share moved',
  'human.pause': 'Paused',
  'human.resume': 'Resumed',
  'human.promote': 'Promoted by hand',
  'human.abort': 'Aborted',
  'human.approve': 'Approved',
  'candidate-failed': 'The new variant does not run',
  'deadline-passed': 'Deadline',
  frozen: 'Freeze window',
}

function headline({ event, to }: RolloutTransition): string {
  const word = EVENTS[event] ?? inWords(to)
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}

/** A pass names every gate in its reason; the chips below say the same. */
function reasonOf({ event, reason, verdicts }: RolloutTransition): string {
  if (event === 'traffic-applied') return 'Evidence and baking count from here.'
  return reason.startsWith('Every gate passes:') && verdicts.length > 1
    ? `Every gate passes (${verdicts.length})`
    : reason
}
