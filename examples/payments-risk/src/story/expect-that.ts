/** Ends the story with a reason when something is not as the story says: the demo must not tell what did not happen. */
export function expectThat(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(`The story broke: ${otherwise}`)
}
