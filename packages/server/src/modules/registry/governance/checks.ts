import type { ApprovalCheck, GuardRule } from '@trestle/contract'
import type { Column, Signature } from '../signature.ts'

/** What is known of a version when it asks to take a place. */
export type Candidate = Readonly<{
  version: number
  metrics: Readonly<Record<string, number>>
  signature: Signature | null
  tags: Readonly<Record<string, string>>
}>

/** The tag that names the drift report of a version. */
const DRIFT_TAG = 'trestle.drift_report'

/** Holds a candidate against a rule and the version that is in the place now. What is unknown fails: no data is no good news. */
export function runChecks(
  rule: GuardRule,
  candidate: Candidate,
  champion: Candidate | null
): ApprovalCheck[] {
  return [
    ...rule.metrics.flatMap((wanted) => metricChecks(wanted, candidate, champion)),
    ...(rule.signatureCompatible ? [signatureCheck(candidate, champion)] : []),
    ...(rule.driftReport ? [driftCheck(candidate)] : []),
  ]
}

function metricChecks(
  wanted: GuardRule['metrics'][number],
  candidate: Candidate,
  champion: Candidate | null
): ApprovalCheck[] {
  const { metric, higherIsBetter, bound, worsening } = wanted
  const value = candidate.metrics[metric]
  const name = `metric ${metric}`
  if (value === undefined || Number.isNaN(value))
    return [{ name, passed: false, detail: `version ${candidate.version} has no ${metric}` }]
  const isAtLeast = (limit: number) => (higherIsBetter ? value >= limit : value <= limit)
  const sign = higherIsBetter ? '≥' : '≤'
  const checks: ApprovalCheck[] = []
  if (bound !== null)
    checks.push({ name, passed: isAtLeast(bound), detail: `${value} ${sign} ${bound}` })
  if (worsening !== null && champion !== null) {
    const before = champion.metrics[metric]
    const limit = before === undefined ? Number.NaN : before + (higherIsBetter ? -1 : 1) * worsening
    checks.push({
      name: `${name} beside version ${champion.version}`,
      passed: isAtLeast(limit),
      detail:
        before === undefined
          ? `version ${champion.version} has no ${metric}`
          : `${value} ${sign} ${limit} (${before}, worse by at most ${worsening})`,
    })
  }
  return checks
}

/** Whoever calls the champion can call the candidate: it asks for nothing new, and still answers all that was answered. */
function signatureCheck(candidate: Candidate, champion: Candidate | null): ApprovalCheck {
  const name = 'signature'
  if (candidate.signature === null)
    return { name, passed: false, detail: `version ${candidate.version} has no signature` }
  if (champion === null) return { name, passed: true, detail: 'nothing to be compatible with' }
  if (champion.signature === null)
    return { name, passed: false, detail: `version ${champion.version} has no signature` }
  const asked = candidate.signature.inputs.filter(
    (column) => column.kind === 'tensor' || column.required
  )
  const faults = [
    ...missing(asked, champion.signature.inputs).map((column) => `input ${column} is new`),
    ...missing(champion.signature.outputs, candidate.signature.outputs).map(
      (column) => `output ${column} is gone`
    ),
  ]
  return {
    name,
    passed: faults.length === 0,
    detail: faults.length === 0 ? `fits callers of version ${champion.version}` : faults.join('; '),
  }
}

const missing = (wanted: readonly Column[], there: readonly Column[]): string[] => {
  const known = new Set(there.map(written))
  return wanted.map(written).filter((column) => !known.has(column))
}

const written = (column: Column): string =>
  column.kind === 'column'
    ? `${column.name ?? ''}: ${column.type}`
    : `${column.name ?? ''}: ${column.dtype}[${column.shape.join(',')}]`

function driftCheck(candidate: Candidate): ApprovalCheck {
  const report = candidate.tags[DRIFT_TAG] ?? ''
  return {
    name: 'drift report',
    passed: report !== '',
    detail: report === '' ? `tag ${DRIFT_TAG} names no report` : report,
  }
}
