import { gateKey, type GateVerdict, type Rollout } from '@trestle/contract'
import { IntervalPlot } from '../../components/interval-plot.tsx'
import { Panel } from '../../components/page.tsx'
import { StatusWord, Tag } from '../../components/status-word.tsx'
import { When } from '../../components/when.tsx'
import { formatCount, formatDuration, formatNumber, NOTHING } from '../../lib/format.ts'
import { sayGate, verdictTone } from './phase.ts'

/** The newest look at the gates, each with the measured harm, its uncertainty, and the verdict in words. */
export function GatesPanel({ rollout }: { rollout: Rollout }) {
  const { look } = rollout
  return (
    <Panel
      title="Gates"
      says="How much worse the new variant is than the old one. A bar left of the red line passes, right of it fails, across it needs more requests."
      end={
        look === null ? null : (
          <span className="faint">
            looked <When at={look.at} />
          </span>
        )
      }
      isFlush
    >
      {look === null ? (
        <p className="dim" style={{ padding: '4px 16px 16px', margin: 0 }}>
          Not looked at yet. Watching {rollout.gates.map(sayGate).join(', ')}.
        </p>
      ) : (
        <table className="table" aria-label="Gates">
          <thead>
            <tr>
              <th>Gate</th>
              <th>Verdict</th>
              <th>Harm and its limit</th>
              <th className="right">Measured</th>
              <th className="right">Samples new / old</th>
              <th>In words</th>
            </tr>
          </thead>
          <tbody>
            {look.verdicts.map((verdict) => (
              <GateRow key={gateKey(verdict)} verdict={verdict} />
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}

function GateRow({ verdict }: { verdict: GateVerdict }) {
  const tone = verdictTone(verdict.verdict)
  // Without a sample there is nothing to draw: an estimate of 0 would look like good news.
  const estimate = verdict.samples.candidate > 0 ? verdict.estimate : null
  return (
    <tr>
      <td style={{ whiteSpace: 'nowrap' }}>
        <b>{sayGate(verdict)}</b> {verdict.isCritical ? <Tag tone="warn">critical</Tag> : null}
      </td>
      <td>
        <StatusWord tone={tone} word={verdict.verdict} />
      </td>
      <td style={{ width: 270 }}>
        {estimate === null ? (
          <span className="faint">nothing measured yet</span>
        ) : (
          <IntervalPlot
            label={`${sayGate(verdict)}: ${verdict.sentence}`}
            estimate={estimate}
            interval={verdict.interval}
            threshold={verdict.threshold}
            tone={tone}
          />
        )}
      </td>
      <td className="right">{estimate === null ? NOTHING : formatNumber(estimate)}</td>
      <td className="right">
        {formatCount(verdict.samples.candidate)}
        <span className="dim">
          {' '}
          / {verdict.samples.baseline === null ? NOTHING : formatCount(verdict.samples.baseline)}
        </span>
      </td>
      <td style={{ minWidth: 220 }}>
        {verdict.sentence}
        {verdict.missing === null ? null : (
          <div className="faint">
            {verdict.missing.why}
            {verdict.missing.expectedMs === null
              ? ''
              : ` (about ${formatDuration(verdict.missing.expectedMs)} more)`}
          </div>
        )}
      </td>
    </tr>
  )
}
