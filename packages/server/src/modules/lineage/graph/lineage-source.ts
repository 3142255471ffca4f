import type { LineageEdge, LineageKind, LineageNode } from '@trestle/contract'

export type NodeRef = Readonly<{ kind: LineageKind; id: string }>

/**
 * Who knows a part of the graph. Every source is asked about every node; one that knows nothing of its kind answers nothing.
 * An edge points from what something was made of to what was made.
 */
export interface LineageSource {
  /** The node itself; null when it is another's, or there is none. */
  find(project: string, ref: NodeRef): Promise<LineageNode | null>
  /** The edges that lead to it and from it. */
  edges(project: string, ref: NodeRef): Promise<readonly LineageEdge[]>
}

export const keyOf = ({ kind, id }: NodeRef): string => `${kind}:${id}`

export const refOf = ({ kind, id }: NodeRef): { kind: LineageKind; id: string } => ({ kind, id })

/** The edge from `from` to `to`. */
export const edgeOf = (from: NodeRef, to: NodeRef, label: string): LineageEdge => ({
  from: refOf(from),
  to: refOf(to),
  label,
})
