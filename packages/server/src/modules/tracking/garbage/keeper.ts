import type { Digest } from '../../../platform/blobs/index.ts'

/** A part of Trestle that keeps blobs, runs or logged models from being collected. */
export interface Keeper {
  /** Lets go for good of what was deleted in it before `before`. */
  forget(before: number): Promise<void>
  /** Which of these blobs it uses. */
  blobsOf(digests: readonly Digest[]): Promise<readonly Digest[]>
  /** Whether it keeps something in a project. */
  holds(project: string): Promise<boolean>
  /** Which of these runs or logged models it refers to, by id. */
  sourcesOf(ids: readonly string[]): Promise<readonly string[]>
}
