import type { RolloutTransition } from '@trestle/contract'
import { StatusWord } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatShare, inWords } from '../../lib/format.ts'
import { phaseTone, verdictTone } from './phase.ts'

export function RolloutTimeline({ timeline }: { timeline: readonly RolloutTransition[] }) {
  return (
    <ol className="timeline">
      {timeline.toReversed().map((transition) => (
        <li key={transition.seq} data-tone={phaseTone(transition.to)}>
          <div style={{ display: 'flex', gap: 10, flexWrap: 'wrap', alignItems: 'baseline' }}>
            <b>{capital(inWords(transition.to))}</b>
            <span className="num dim">{sayWeights(transition)}</span>
            <span className="faint" style={{ marginLeft: 'auto' }}>
              {transition.actor} · <When at={transition.at} />
            </span>
          </div>
          <div>{transition.reason}</div>
          {transition.verdicts.length === 0 ? null : (
            <details>
              <summary className="faint" style={{ cursor: 'pointer' }}>
                {sayVerdicts(transition)}
              </summary>
              <ul style={{ margin: '6px 0 0', paddingLeft: 0, listStyle: 'none' }}>
                {transition.verdicts.map((verdict) => (
                  <li key={verdict.metric} style={{ padding: '2px 0' }}>
                    <StatusWord tone={verdictTone(verdict.verdict)} word={verdict.verdict} />{' '}
                    {inWords(verdict.metric)}: <span className="dim">{verdict.sentence}</span>
                  </li>
                ))}
              </ul>
            </details>
          )}
        </li>
      ))}
    </ol>
  )
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

function sayWeights({ weights }: RolloutTransition): string {
  const live = formatShare(weights.candidatePercent / 100)
  return weights.shadowShare > 0
    ? `${live} live, shadows ${formatShare(weights.shadowShare)}`
    : `${live} live`
}

function sayVerdicts({ verdicts }: RolloutTransition): string {
  const failed = verdicts.filter((v) => v.verdict === 'fail').length
  const passed = verdicts.filter((v) => v.verdict === 'pass').length
  const open = verdicts.length - failed - passed
  return [
    `${passed} passed`,
    failed > 0 ? `${failed} failed` : '',
    open > 0 ? `${open} undecided` : '',
  ]
    .filter((part) => part !== '')
    .join(', ')
}
