import type { TensorSpec } from '../../runtime.ts'
import type { Tensor } from '../../tensor.ts'

/** Why a server did not answer. `busy` and `unreachable` mean that it did not begin, so that another try is safe. */
export type RemoteFaultKind =
  'refused' | 'failed' | 'busy' | 'unreachable' | 'broken' | 'timeout' | 'cancelled'

export class RemoteFault extends Error {
  readonly kind: RemoteFaultKind
  /** What the server asked to wait; null when it did not say. */
  readonly retryAfterMs: number | null

  constructor(kind: RemoteFaultKind, message: string, retryAfterMs: number | null = null) {
    super(message)
    this.kind = kind
    this.retryAfterMs = retryAfterMs
  }
}

/** One try: how long it may take, and what to say in its headers. */
export type RemoteTry = Readonly<{ timeoutMs: number; headers: Readonly<Record<string, string>> }>

/** What a server says of a model; empty lists when it says nothing. */
export type RemoteDescription = Readonly<{
  platform: string
  inputs: readonly TensorSpec[]
  outputs: readonly TensorSpec[]
}>

/** One way of speaking to a model server. Every method rejects with a `RemoteFault`. */
export interface RemoteClient {
  describe(one: RemoteTry): Promise<RemoteDescription>
  /** Whether the model takes requests now. */
  isReady(one: RemoteTry): Promise<boolean>
  infer(inputs: readonly Tensor[], one: RemoteTry): Promise<readonly Tensor[]>
  close(): Promise<void>
}
