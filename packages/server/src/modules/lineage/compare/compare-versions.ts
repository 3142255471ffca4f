import type { ModelVersionDetail, VersionComparison } from '@trestle/contract'

type Sides = Readonly<{ left: ModelVersionDetail; right: ModelVersionDetail }>

/** Two versions side by side, from what is written down of them; latency is measured elsewhere. */
export function compareVersions(sides: Sides): Omit<VersionComparison, 'latency'> {
  return {
    left: { version: sides.left, sizeBytes: sizeOf(sides.left) },
    right: { version: sides.right, sizeBytes: sizeOf(sides.right) },
    metrics: compareMetrics(sides),
    params: compareTexts(
      sides.left.lineage.run?.params ?? {},
      sides.right.lineage.run?.params ?? {}
    ),
    signature: compareSignatures(sides),
    facts: compareTexts(factsOf(sides.left), factsOf(sides.right)),
  }
}

const sizeOf = (version: ModelVersionDetail): number =>
  version.files.reduce((sum, file) => sum + file.size, 0)

const union = (a: object, b: object): string[] => [
  ...new Set([...Object.keys(a), ...Object.keys(b)]),
]

function compareMetrics({ left, right }: Sides): VersionComparison['metrics'] {
  const a = left.lineage.run?.metrics ?? {}
  const b = right.lineage.run?.metrics ?? {}
  return union(a, b)
    .toSorted()
    .map((name) => {
      const [l, r] = [a[name] ?? null, b[name] ?? null]
      return { name, left: l, right: r, delta: l === null || r === null ? null : r - l }
    })
}

const compareTexts = (
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>
): VersionComparison['params'] =>
  union(a, b).map((name) => ({
    name,
    left: a[name] ?? null,
    right: b[name] ?? null,
    isSame: a[name] === b[name],
  }))

function factsOf(version: ModelVersionDetail): Record<string, string> {
  const { onnx, lineage } = version
  return {
    stage: version.stage,
    format: version.flavor === 'onnx' ? 'ONNX' : 'other',
    files: String(version.files.length),
    ...(onnx === null
      ? {}
      : {
          opset: String(onnx.opset ?? '?'),
          nodes: String(onnx.nodes),
          producer: onnx.producer,
        }),
    ...(lineage.run?.gitCommit == null ? {} : { commit: lineage.run.gitCommit }),
    ...(version.featureService === null ? {} : { 'feature service': version.featureService }),
    ...(lineage.datasets.length === 0
      ? {}
      : { data: lineage.datasets.map((d) => `${d.name}@${d.digest}`).join(', ') }),
  }
}

type Column = NonNullable<ModelVersionDetail['signature']>['inputs'][number]

/** A type that takes every value of another: what a caller of the narrower one sends is taken by the wider (MLflow's schema enforcement). */
const WIDENS: Readonly<Record<string, readonly string[]>> = {
  integer: ['long', 'double', 'float'],
  long: ['double'],
  float: ['double'],
}

function compareSignatures({ left, right }: Sides): VersionComparison['signature'] {
  const rows = (['inputs', 'outputs'] as const).flatMap((side) => {
    const a = columnsOf(left, side)
    const b = columnsOf(right, side)
    return [...new Set([...a.keys(), ...b.keys()])].map((name) => {
      const [l, r] = [a.get(name) ?? null, b.get(name) ?? null]
      const change =
        l === null
          ? ('added' as const)
          : r === null
            ? ('removed' as const)
            : l.text === r.text
              ? ('same' as const)
              : ('changed' as const)
      return { side, name, left: l, right: r, change }
    })
  })
  const known = left.signature !== null && right.signature !== null
  return {
    rows: rows.map(({ left: l, right: r, ...row }) => ({
      ...row,
      left: l?.text ?? null,
      right: r?.text ?? null,
    })),
    isCompatible: known ? rows.every(isKept) : null,
  }
}

type Seen = Readonly<{ text: string; type: string; isRequired: boolean }>

/** Whether a caller of the left does not notice: inputs may be dropped, widened or be optional and new; outputs may be added. */
function isKept(row: {
  side: 'inputs' | 'outputs'
  left: Seen | null
  right: Seen | null
}): boolean {
  const { left, right } = row
  if (row.side === 'outputs') return left === null || (right !== null && left.type === right.type)
  if (right === null) return true
  if (left === null) return !right.isRequired
  if (right.isRequired && !left.isRequired) return false
  return left.type === right.type || (WIDENS[left.type] ?? []).includes(right.type)
}

const columnsOf = (
  version: ModelVersionDetail,
  side: 'inputs' | 'outputs'
): ReadonlyMap<string, Seen> =>
  version.signature === null
    ? new Map((version.onnx?.[side] ?? []).map((v) => [v.name, graphColumn(v)]))
    : new Map(
        version.signature[side].map((column, i) => [column.name ?? `#${i + 1}`, seen(column)])
      )

function seen(column: Column): Seen {
  if (column.kind === 'column')
    return {
      text: column.required ? column.type : `${column.type}, optional`,
      type: column.type,
      isRequired: column.required,
    }
  const type = `${column.dtype} [${column.shape.map((n) => (n < 0 ? '?' : n)).join(', ')}]`
  return { text: type, type, isRequired: true }
}

function graphColumn(value: {
  type: string
  shape: readonly (number | string | null)[] | null
}): Seen {
  const shape = value.shape === null ? '' : ` [${value.shape.map((n) => n ?? '?').join(', ')}]`
  return { text: value.type + shape, type: value.type + shape, isRequired: true }
}
