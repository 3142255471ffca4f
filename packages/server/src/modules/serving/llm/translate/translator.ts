/** Carries one call over from a client's protocol to a backend's and its answer back. Made for one call; holds the state of its stream. */
export interface Translator {
  /** The body for the backend. */
  readonly request: Readonly<Record<string, unknown>>
  /** A whole answer in the client's protocol. */
  answer(body: Readonly<Record<string, unknown>>): Record<string, unknown>
  /** What one event of the backend becomes: none, one or several of the client's. `[DONE]` is an event too. */
  event(data: string): Buffer[]
  /** What ends the stream when the backend did not say so. */
  end(): Buffer[]
}
