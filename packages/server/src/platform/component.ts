/** Something with a life: started in order, stopped in reverse. `start` and `stop` may be called again without harm. */
export interface Component {
  readonly name: string
  start(): Promise<void>
  /** Stops taking work, finishes what is under way, frees what it holds; hurries when `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>
}

/** Starts components in order; when one fails, stops those that started, then throws. */
export async function startAll(components: readonly Component[]): Promise<void> {
  const started: Component[] = []
  for (const component of components) {
    try {
      await component.start()
      started.push(component)
    } catch (error) {
      await stopAll(started, AbortSignal.timeout(5_000))
      throw new Error(
        `${component.name} did not start: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error }
      )
    }
  }
}

/** Stops components in reverse order; one that fails does not keep the others from stopping. Returns the failures. */
export async function stopAll(
  components: readonly Component[],
  signal: AbortSignal
): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const component of components.toReversed()) {
    try {
      await component.stop(signal)
    } catch (error) {
      failures.push(error)
    }
  }
  return failures
}
