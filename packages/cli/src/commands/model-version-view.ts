import type { ModelVersionDetail } from '@trestle/contract'
import { showTime, type Output } from '../output.ts'

/** A model version as people read it. */
export function showVersion(out: Output, version: ModelVersionDetail): void {
  const { signature, lineage } = version
  out.record(version, [
    ['version', `${version.name}/${version.version}`],
    ['status', [version.status, version.statusMessage].filter(Boolean).join(': ')],
    ['stage', version.stage],
    ['aliases', version.aliases.join(' ')],
    ['description', version.description],
    ['tags', showPairs(version.tags)],
    ['inputs', signature?.inputs.map((c) => c.name ?? '?').join(', ')],
    ['outputs', signature?.outputs.map((c) => c.name ?? '?').join(', ')],
    ['features', version.featureService],
    ['run', lineage.run?.runId ?? version.runId],
    ['metrics', showPairs(lineage.run?.metrics ?? {})],
    ['files', version.files.map((f) => `${f.path} (${f.size} bytes)`).join(', ')],
    ['created', `${showTime(version.createdAt) ?? ''} by ${version.createdBy}`],
  ])
}

/** `a=1 b=2` */
export const showPairs = (values: Readonly<Record<string, string | number | null>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}=${value ?? '–'}`)
    .join(' ')
