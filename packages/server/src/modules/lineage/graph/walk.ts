import type { LineageEdge, LineageGraph, LineageNode } from '@trestle/contract'
import { keyOf, refOf, type LineageSource, type NodeRef } from './lineage-source.ts'

export type WalkOptions = Readonly<{
  direction: 'both' | 'upstream' | 'downstream'
  depth: number
  limit: number
}>

type Way = 'upstream' | 'downstream'

/**
 * The graph around a node: everything that it came from, everything that came from it. Ways don't turn: what else was made of the same data is
 * no ancestor and no descendant, so it is left out. Nearest nodes first, until `limit`. Null when no source knows the node.
 */
export async function walkLineage(
  sources: readonly LineageSource[],
  start: { project: string; ref: NodeRef },
  options: WalkOptions
): Promise<LineageGraph | null> {
  const { project } = start
  const root = await findNode(sources, project, start.ref)
  if (root === null) return null
  const nodes = new Map<string, LineageNode>([[keyOf(root), root]])
  const edges = new Map<string, LineageEdge>()
  let isTruncated = false
  const ways: readonly Way[] =
    options.direction === 'both' ? ['upstream', 'downstream'] : [options.direction]
  let frontier = ways.map((way) => ({ way, ref: refOf(root) }))
  const seen = new Set(frontier.map(({ way, ref }) => `${way} ${keyOf(ref)}`))
  for (let step = 0; step < options.depth && frontier.length > 0; step++) {
    const next: typeof frontier = []
    for (const { way, ref } of frontier)
      for (const edge of await edgesFrom(sources, { project, ref, way })) {
        const far = way === 'upstream' ? edge.from : edge.to
        const key = keyOf(far)
        if (!nodes.has(key)) {
          if (nodes.size >= options.limit) {
            isTruncated = true
            continue
          }
          nodes.set(key, (await findNode(sources, project, far)) ?? gone(far))
        }
        edges.set(`${keyOf(edge.from)} > ${keyOf(edge.to)}`, edge)
        if (seen.has(`${way} ${key}`)) continue
        seen.add(`${way} ${key}`)
        next.push({ way, ref: far })
      }
    frontier = next
  }
  return {
    root: refOf(root),
    nodes: [...nodes.values()],
    edges: [...edges.values()],
    isTruncated,
  }
}

async function findNode(
  sources: readonly LineageSource[],
  project: string,
  ref: NodeRef
): Promise<LineageNode | null> {
  for (const source of sources) {
    const node = await source.find(project, ref)
    if (node !== null) return node
  }
  return null
}

/** The edges of a node that lead one way. */
async function edgesFrom(
  sources: readonly LineageSource[],
  at: { project: string; ref: NodeRef; way: Way }
): Promise<LineageEdge[]> {
  const here = keyOf(at.ref)
  const answers = await Promise.all(sources.map((source) => source.edges(at.project, at.ref)))
  return answers
    .flat()
    .filter((edge) => keyOf(at.way === 'upstream' ? edge.to : edge.from) === here)
}

/** Something that was named and is there no more. */
const gone = (ref: NodeRef): LineageNode => ({
  ...refOf(ref),
  label: ref.id,
  at: null,
  state: 'gone',
  facts: {},
})
