import { Graph, layout } from '@dagrejs/dagre'
import type { LineageGraph, LineageNode } from '@trestle/contract'

export const NODE = { width: 168, height: 62 } as const
const MARGIN = 8

export type Placed = Readonly<{
  width: number
  height: number
  nodes: readonly Readonly<{ key: string; node: LineageNode; x: number; y: number }>[]
  edges: readonly Readonly<{ key: string; label: string; path: string; middle: Point }>[]
}>
type Point = Readonly<{ x: number; y: number }>

export const keyOf = ({ kind, id }: { kind: string; id: string }): string => `${kind}:${id}`

/** Places a graph from left (what things are made of) to right (what was made). */
export function placeGraph(graph: LineageGraph): Placed {
  const g = new Graph()
  g.setGraph({ rankdir: 'LR', nodesep: 18, ranksep: 80, marginx: MARGIN, marginy: MARGIN })
  g.setDefaultEdgeLabel(() => ({}))
  for (const node of graph.nodes) g.setNode(keyOf(node), { ...NODE })
  for (const edge of graph.edges) g.setEdge(keyOf(edge.from), keyOf(edge.to))
  layout(g)
  const { width = 0, height = 0 } = g.graph() as { width?: number; height?: number }
  return {
    width,
    height,
    nodes: graph.nodes.map((node) => {
      const { x = 0, y = 0 } = g.node(keyOf(node)) as { x?: number; y?: number }
      return { key: keyOf(node), node, x: x - NODE.width / 2, y: y - NODE.height / 2 }
    }),
    edges: graph.edges.map((edge) => {
      const { points } = g.edge(keyOf(edge.from), keyOf(edge.to)) as { points: Point[] }
      const line = [
        sideOf(g, keyOf(edge.from), NODE.width / 2),
        ...points.slice(1, -1),
        sideOf(g, keyOf(edge.to), -NODE.width / 2),
      ]
      return {
        key: `${keyOf(edge.from)} ${keyOf(edge.to)}`,
        label: edge.label,
        path: curve(line),
        middle: points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 },
      }
    }),
  }
}

/** The middle of a node's right side, or of its left one. */
function sideOf(g: Graph, key: string, dx: number): Point {
  const { x = 0, y = 0 } = g.node(key) as { x?: number; y?: number }
  return { x: x + dx, y }
}

/** A smooth line through points that lie from left to right. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  let at = first
  return rest.reduce((path, point) => {
    const half = (at.x + point.x) / 2
    const piece = ` C${half},${at.y} ${half},${point.y} ${point.x},${point.y}`
    at = point
    return path + piece
  }, `M${first.x},${first.y}`)
}
