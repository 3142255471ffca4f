/** A named stream of events inside the process. Who publishes knows nothing of who listens. */
export interface Topic<T> {
  readonly name: string
  publish(event: T): void
  /** Listeners run at once, in order of subscription; one that throws is reported and harms nobody. Returns the way out. */
  subscribe(listener: (event: T) => void): () => void
}

export function createTopic<T>(
  name: string,
  onListenerError: (error: unknown, topic: string) => void
): Topic<T> {
  let listeners: readonly ((event: T) => void)[] = []
  return {
    name,
    publish(event) {
      for (const listener of listeners) {
        try {
          listener(event)
        } catch (error) {
          onListenerError(error, name)
        }
      }
    },
    subscribe(listener) {
      listeners = [...listeners, listener]
      return () => {
        listeners = listeners.filter((other) => other !== listener)
      }
    },
  }
}
