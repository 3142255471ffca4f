import type { DriftDocument } from '@trestle/contract'
import { escape } from './html/text.ts'

/** The report as JUnit XML: one case per column, one for the quality and one per segment; what can't be told is skipped. */
export function toJunit(report: DriftDocument): string {
  const cases = [
    ...report.columns.map(({ column, state, finding }) => ({
      name: column,
      of: 'columns',
      state,
      finding,
    })),
    ...(report.quality === null
      ? []
      : [
          {
            name: 'quality',
            of: 'quality',
            state: report.quality.state,
            finding: report.quality.finding,
          },
        ]),
    ...report.segments.map(({ segment, state, summary }) => ({
      name: segment,
      of: 'segments',
      state,
      finding: summary,
    })),
  ]
  const failures = cases.filter(({ state }) => state === 'drift' || state === 'worse').length
  const skipped = cases.filter(({ state }) => state === 'insufficient').length
  const lines = cases.map(({ name, of, state, finding }) => {
    const open = `    <testcase classname="drift.${of}" name="${attribute(name)}" time="0"`
    if (state === 'ok') return `${open}/>`
    const inner =
      state === 'insufficient'
        ? `<skipped message="${attribute(finding)}"/>`
        : `<failure type="${state}" message="${attribute(finding)}"/>`
    return `${open}>${inner}</testcase>`
  })
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}"`
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts}>
  <testsuite name="drift of ${attribute(report.current.name)}" ${counts} timestamp="${new Date(report.createdAt).toISOString().slice(0, 19)}">
${lines.join('\n')}
  </testsuite>
</testsuites>
`
}

/** XML 1.0 has no place for most control characters. */
const attribute = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  escape(text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '�')).replaceAll(
    '\n',
    '&#10;'
  )
