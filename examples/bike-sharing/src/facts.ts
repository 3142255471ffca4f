/** Counts what was shown and what was not. */
export type Facts = Readonly<{
  step(title: string): void
  say(line: string): void
  check(claim: string, isTrue: boolean, measured?: string): void
  /** `N passed, N failed`. */
  summary(): { passed: number; failed: number; line: string }
}>

export function createFacts(print: (line: string) => void): Facts {
  let passed = 0
  let failed = 0
  return {
    step: (title) => print(`\n${title}`),
    say: (line) => print(`    ${line}`),
    check(claim, isTrue, measured = '') {
      if (isTrue) passed++
      else failed++
      print(`  ${isTrue ? '✓' : '✗'} ${claim}${measured === '' ? '' : `: ${measured}`}`)
    },
    summary: () => ({ passed, failed, line: `${passed} passed, ${failed} failed` }),
  }
}
