import type { LineageGraph, LineageKind, LineageNode } from '@trestle/contract'
import { useMemo } from 'react'
import { Link } from 'wouter'
import { keyOf, NODE, placeGraph } from './layout.ts'

const KINDS: Record<LineageKind, { word: string; color: string }> = {
  commit: { word: 'Commit', color: 'var(--ink-3)' },
  run: { word: 'Run', color: 'var(--series-1)' },
  dataset: { word: 'Data set', color: 'var(--series-3)' },
  'feature-view': { word: 'Feature view', color: 'var(--series-3)' },
  'feature-service': { word: 'Feature service', color: 'var(--series-3)' },
  'model-version': { word: 'Model version', color: 'var(--accent)' },
  endpoint: { word: 'Endpoint', color: 'var(--ok)' },
  monitor: { word: 'Monitor', color: 'var(--warn)' },
}

/** Wider graphs are scrolled: shrunk, they could not be read. */
const SHRINKS_BELOW = 1_500

const BAD = new Set(['failed', 'FAILED', 'KILLED', 'drift', 'gone'])

/** What something was made from and what was made from it, from left to right. Each node leads to its own graph, and on to its page. */
export function LineageView({ graph }: { graph: LineageGraph }) {
  const placed = useMemo(() => placeGraph(graph), [graph])
  const root = keyOf(graph.root)
  const says = graph.edges.map((e) => `${e.from.id} ${e.label} ${e.to.id}`).join(', ')
  return (
    <div style={{ overflowX: 'auto', padding: '4px 12px 12px' }}>
      <svg
        className="lineage"
        role="group"
        aria-label={`Lineage: ${says}`}
        width={placed.width}
        style={placed.width < SHRINKS_BELOW ? { maxWidth: '100%', height: 'auto' } : {}}
        viewBox={`0 0 ${placed.width} ${placed.height}`}
      >
        <defs>
          <marker
            id="lineage-arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0,0.8 L7,4 L0,7.2 z" fill="var(--ink-3)" />
          </marker>
        </defs>
        {placed.edges.map((edge) => (
          <g key={edge.key}>
            <path
              d={edge.path}
              fill="none"
              stroke="var(--ink-3)"
              strokeOpacity={0.55}
              strokeWidth={1.4}
              markerEnd="url(#lineage-arrow)"
            />
            <text className="lineage-edge" x={edge.middle.x} y={edge.middle.y - 5}>
              {edge.label}
            </text>
          </g>
        ))}
        {placed.nodes.map(({ key, node, x, y }) => (
          <foreignObject key={key} x={x} y={y} width={NODE.width} height={NODE.height}>
            <NodeCard node={node} isRoot={key === root} />
          </foreignObject>
        ))}
      </svg>
    </div>
  )
}

function NodeCard({ node, isRoot }: { node: LineageNode; isRoot: boolean }) {
  const { word, color } = KINDS[node.kind]
  const facts = Object.entries(node.facts).map(([name, value]) => `${name}: ${value}`)
  return (
    <Link
      href={lineageHref(node)}
      className="lineage-node"
      data-root={isRoot ? '' : undefined}
      style={{ borderLeftColor: color }}
      title={[`${word} ${node.id}`, ...facts].join('\n')}
    >
      <span className="lineage-kind">
        {word}
        {node.state === null ? null : (
          <span data-tone={BAD.has(node.state) ? 'bad' : undefined}>
            {node.state.toLowerCase()}
          </span>
        )}
      </span>
      <span className="lineage-label">{node.label}</span>
    </Link>
  )
}

export const lineageHref = ({ kind, id }: { kind: string; id: string }): string =>
  `/lineage/${kind}/${id.split('/').map(encodeURIComponent).join('/')}`

/** The page of what a node stands for; null where there is none. */
export function pageOf(node: LineageNode): string | null {
  const id = encodeURIComponent(node.id)
  switch (node.kind) {
    case 'run':
      return `/experiments/${node.facts['experiment'] ?? '0'}/runs/${id}`
    case 'model-version': {
      const at = node.id.lastIndexOf('/')
      return `/models/${encodeURIComponent(node.id.slice(0, at))}/${node.id.slice(at + 1)}`
    }
    case 'feature-view':
      return `/features/${id}`
    case 'feature-service':
      return '/features'
    case 'endpoint':
      return `/endpoints/${id}`
    case 'monitor':
      return `/monitoring/${id}`
    case 'commit':
    case 'dataset':
      return null
  }
}

export const wordOf = (kind: LineageKind): string => KINDS[kind].word
