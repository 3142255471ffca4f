import type { LineageGraph, ModelVersionDetail } from '@trestle/contract'
import type { Block, Document, Section } from './document.ts'

/** The card of a version, of what the registry, the run and the lineage graph know; sections that would be empty are left out (Mitchell et al., "Model Cards for Model Reporting", 2019). */
export function modelCard(version: ModelVersionDetail, graph: LineageGraph): Document {
  const sections: (Section | null)[] = [
    description(version),
    details(version),
    performance(version),
    training(version),
    data(version),
    signature(version),
    usage(graph),
    watching(graph),
    files(version),
  ]
  return {
    title: `${version.name} v${version.version}`,
    says: `Model card, made from the registry's record. ${stateOf(version)}`,
    sections: sections.filter((section) => section !== null),
  }
}

function stateOf({ status, statusMessage, stage, aliases }: ModelVersionDetail): string {
  if (status === 'FAILED_REGISTRATION')
    return `Registration failed: ${statusMessage ?? 'no reason is known'}.`
  const names = aliases.map((alias) => `@${alias}`).join(', ')
  return [
    stage === 'None' ? 'In no stage' : `In stage ${stage}`,
    names === '' ? '' : `, known as ${names}`,
    '.',
  ].join('')
}

const section = (title: string, ...blocks: (Block | null)[]): Section | null => {
  const there = blocks.filter((block) => block !== null)
  return there.length === 0 ? null : { title, blocks: there }
}
const facts = (rows: readonly (readonly [string, string | null])[]): Block | null => {
  const known = rows.flatMap(([name, value]) =>
    value === null || value === '' ? [] : [[name, value] as const]
  )
  return known.length === 0 ? null : { kind: 'facts', rows: known }
}
const table = (columns: readonly string[], rows: readonly (readonly string[])[]): Block | null =>
  rows.length === 0 ? null : { kind: 'table', columns, rows }

const description = ({ description: text }: ModelVersionDetail) =>
  section('Description', text === '' ? null : { kind: 'text', text })

const time = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')

const details = (version: ModelVersionDetail) =>
  section(
    'Details',
    facts([
      ['Made', `${time(version.createdAt)} by ${version.createdBy}`],
      ['Format', version.flavor === 'onnx' ? 'ONNX' : 'other'],
      ['Opset', version.onnx?.opset == null ? null : String(version.onnx.opset)],
      ['Graph', version.onnx === null ? null : `${version.onnx.nodes} nodes`],
      ['Producer', version.onnx?.producer ?? null],
      ['Size', `${version.files.reduce((sum, f) => sum + f.size, 0)} bytes`],
      ['Source', version.source],
      ['Feature service', version.featureService],
      ...Object.entries(version.tags).map(([key, value]) => [`Tag ${key}`, value] as const),
    ])
  )

const performance = ({ lineage: { run } }: ModelVersionDetail) =>
  section(
    'Metrics',
    table(
      ['Metric', 'Value'],
      Object.entries(run?.metrics ?? {}).map(([name, value]) => [
        name,
        value === null ? 'NaN' : String(Number(value.toPrecision(6))),
      ])
    )
  )

const training = ({ lineage: { run } }: ModelVersionDetail) =>
  run === null
    ? null
    : section(
        'Training',
        facts([
          ['Run', `${run.name} (${run.runId})`],
          ['Status', run.status],
          ['By', run.user],
          ['Repository', run.gitRepository],
          ['Commit', run.gitCommit],
        ]),
        table(['Param', 'Value'], Object.entries(run.params))
      )

const data = ({ lineage: { datasets } }: ModelVersionDetail) =>
  section(
    'Data',
    table(
      ['Data set', 'Digest', 'Used for', 'Source'],
      datasets.map((d) => [d.name, d.digest, d.context ?? '', d.sourceType])
    )
  )

function signature(version: ModelVersionDetail) {
  const rows = (['inputs', 'outputs'] as const).flatMap((side) =>
    version.signature === null
      ? (version.onnx?.[side] ?? []).map((v) => [
          side.slice(0, -1),
          v.name,
          `${v.type}${v.shape === null ? '' : ` [${v.shape.map((n) => n ?? '?').join(', ')}]`}`,
        ])
      : version.signature[side].map((c) => [
          side.slice(0, -1),
          c.name ?? '',
          c.kind === 'column'
            ? c.type
            : `${c.dtype} [${c.shape.map((n) => (n < 0 ? '?' : n)).join(', ')}]`,
        ])
  )
  return section('Signature', table(['', 'Name', 'Type'], rows))
}

const nodesOf = (graph: LineageGraph, kind: LineageGraph['nodes'][number]['kind']) =>
  graph.nodes.filter((node) => node.kind === kind)

const usage = (graph: LineageGraph) =>
  section(
    'Where it serves',
    table(
      ['Endpoint', 'State'],
      nodesOf(graph, 'endpoint').map((node) => [node.label, node.state ?? ''])
    )
  )

const watching = (graph: LineageGraph) =>
  section(
    'How it is watched',
    table(
      ['Monitor', 'State', 'Latest'],
      nodesOf(graph, 'monitor').map((node) => [
        node.label,
        node.state ?? '',
        node.facts['summary'] ?? '',
      ])
    )
  )

const files = (version: ModelVersionDetail) =>
  section(
    'Files',
    table(
      ['File', 'Bytes', 'SHA-256'],
      version.files.map((f) => [f.path, String(f.size), f.digest.replace('sha256:', '')])
    )
  )
