import type { GraphSpec } from '@trestle/contract'
import { bucketOf, BUCKETS } from '../../../../kernel/bucket.ts'
import { fail } from '../../../../platform/errors.ts'
import type { Caller } from '../../caller.ts'
import type { LoadedModel, ModelSpec, RunSettings, TensorSpec } from '../../runtime.ts'
import { allocate, elementAt, type Tensor } from '../../tensor.ts'

/** What an endpoint takes and gives, and the names of the columns of its one stacked input, if it has one. */
export type Described = Readonly<{ spec: ModelSpec; columns: readonly string[] | null }>

/** What a graph needs of the endpoints it is made of. */
export interface GraphPort {
  /** Throws when there is no such endpoint or it does not answer now. */
  describe(project: string, endpoint: string): Promise<Described>
  /** A prediction like any other: routed, logged and paid for. */
  infer(call: {
    project: string
    endpoint: string
    tensors: readonly Tensor[]
    deadline: number
    caller: Caller
  }): Promise<readonly Tensor[]>
}

type Opened = Readonly<{ model: LoadedModel; columns: readonly string[] | null }>

/** Graphs in graphs are cut off here: so deep, they are most likely a circle. */
const MAX_DEPTH = 8
const DEPTH_HEADER = 'x-trestle-graph-depth'

/** Opens a graph over endpoints that exist. Throws `serving.model_load_failed` when one does not, or when their tensors do not fit together. */
export async function openGraph(
  port: GraphPort,
  project: string,
  graph: GraphSpec
): Promise<Opened> {
  const described = new Map<string, Described>()
  for (const endpoint of endpointsOf(graph))
    described.set(endpoint, await port.describe(project, endpoint))
  const columns = described.get(endpointsOf(graph)[0] ?? '')?.columns ?? null
  const specOf = (endpoint: string): ModelSpec =>
    described.get(endpoint)?.spec ?? { platform: '', inputs: [], outputs: [] }
  const call = (endpoint: string, tensors: readonly Tensor[], run: RunSettings) =>
    port.infer({ project, endpoint, tensors, deadline: run.deadline, caller: deeper(run.caller) })

  const loaded = (
    spec: Pick<ModelSpec, 'inputs' | 'outputs'>,
    infer: LoadedModel['infer']
  ): Opened => ({
    columns,
    model: {
      spec: {
        platform: `trestle_${graph.kind}`,
        inputs: spec.inputs,
        outputs: spec.outputs,
        isOpen: spec.inputs.length === 0,
      },
      device: 'cpu',
      isInline: false,
      infer,
      close: async () => {},
    },
  })

  switch (graph.kind) {
    case 'sequence': {
      const [first] = graph.steps
      const last = graph.steps.at(-1)
      if (first === undefined || last === undefined) throw new Error('a sequence has a step') // the schema says so
      return loaded(
        { inputs: specOf(first.endpoint).inputs, outputs: specOf(last.endpoint).outputs },
        async (inputs, run) => {
          let tensors = inputs
          for (const [i, step] of graph.steps.entries()) {
            const wanted = specOf(step.endpoint).inputs
            tensors = await call(
              step.endpoint,
              i === 0 && step.inputs === undefined ? tensors : feed(wanted, tensors, step),
              run
            )
          }
          return tensors
        }
      )
    }
    case 'ensemble': {
      const first = specOf(graph.members[0]?.endpoint ?? '')
      const outputs =
        graph.combine === 'mean'
          ? first.outputs.map((output) => ({ ...output, datatype: 'FP64' as const }))
          : graph.members.flatMap(({ endpoint }) =>
              specOf(endpoint).outputs.map((o) => ({ ...o, name: `${endpoint}.${o.name}` }))
            )
      return loaded({ inputs: first.inputs, outputs }, async (inputs, run) => {
        const answers = await Promise.all(
          graph.members.map(({ endpoint }) => call(endpoint, inputs, run))
        )
        if (graph.combine === 'mean')
          return weightedMean(
            answers,
            graph.members.map(({ weight }) => weight)
          )
        return answers.flatMap((answer, i) =>
          answer.map((t) => ({ ...t, name: `${graph.members[i]?.endpoint ?? ''}.${t.name}` }))
        )
      })
    }
    case 'switch': {
      const first = specOf(graph.cases[0]?.endpoint ?? '')
      return loaded(first, async (inputs, run) => {
        const chosen =
          graph.cases.find(({ when }) => holds(when, inputs, columns))?.endpoint ?? graph.otherwise
        if (chosen === null)
          throw fail('request.invalid', 'No case of the graph takes this request')
        return call(chosen, inputs, run)
      })
    }
    case 'splitter': {
      const first = specOf(graph.parts[0]?.endpoint ?? '')
      const total = graph.parts.reduce((sum, { weight }) => sum + weight, 0)
      return loaded(first, async (inputs, run) => {
        let left = (bucketOf('graph', run.caller.requestId) / BUCKETS) * total
        const chosen = graph.parts.find(({ weight }) => (left -= weight) < 0) ?? graph.parts.at(-1)
        return call(chosen?.endpoint ?? '', inputs, run)
      })
    }
  }
}

function endpointsOf(graph: GraphSpec): string[] {
  switch (graph.kind) {
    case 'sequence':
      return graph.steps.map(({ endpoint }) => endpoint)
    case 'ensemble':
      return graph.members.map(({ endpoint }) => endpoint)
    case 'switch':
      return [
        ...graph.cases.map(({ endpoint }) => endpoint),
        ...(graph.otherwise === null ? [] : [graph.otherwise]),
      ]
    case 'splitter':
      return graph.parts.map(({ endpoint }) => endpoint)
  }
}

function deeper(caller: Caller): Caller {
  const depth = Number(caller.header(DEPTH_HEADER) ?? 0) + 1
  if (depth > MAX_DEPTH)
    throw fail(
      'request.invalid',
      `Graphs are nested more than ${MAX_DEPTH} deep; is there a circle?`
    )
  return {
    requestId: caller.requestId,
    header: (name) => (name === DEPTH_HEADER ? String(depth) : caller.header(name)),
  }
}

/** A step's inputs out of what the one before gave. */
function feed(
  wanted: readonly TensorSpec[],
  given: readonly Tensor[],
  step: { endpoint: string; inputs?: Readonly<Record<string, string>> | undefined }
): readonly Tensor[] {
  const byName = new Map(given.map((tensor) => [tensor.name, tensor]))
  const find = (name: string): Tensor | undefined =>
    byName.get(step.inputs?.[name] ?? name) ??
    (wanted.length === 1 && given.length === 1 ? given[0] : undefined)
  if (wanted.length === 0) return given
  return wanted.map(({ name }) => {
    const tensor = find(name)
    if (tensor === undefined)
      throw fail(
        'serving.model_failed',
        `The step "${step.endpoint}" needs "${name}", and the one before gave ${[...byName.keys()].join(', ')}`
      )
    return { ...tensor, name }
  })
}

/** Of outputs that every member has, as FP64; texts can't be averaged. */
function weightedMean(
  answers: readonly (readonly Tensor[])[],
  weights: readonly number[]
): Tensor[] {
  const [first = []] = answers
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return first.map(({ name, shape, data: { length } }) => {
    const data = allocate('FP64', length)
    for (const [i, answer] of answers.entries()) {
      const own = answer.find((tensor) => tensor.name === name)
      if (own === undefined || own.data.length !== length || own.datatype === 'BYTES')
        throw fail('serving.model_failed', `The members' outputs "${name}" can't be averaged`)
      const share = (weights[i] ?? 0) / total
      for (let at = 0; at < length; at++)
        data[at] = Number(data[at]) + share * Number(elementAt(own, at))
    }
    return { name, datatype: 'FP64', shape, data }
  })
}

type Condition = Extract<GraphSpec, { kind: 'switch' }>['cases'][number]['when']

function holds(
  when: Condition,
  inputs: readonly Tensor[],
  columns: readonly string[] | null
): boolean {
  const at = Math.max(0, columns?.indexOf(when.column) ?? 0)
  const tensor =
    columns?.includes(when.column) === true
      ? inputs[0]
      : inputs.find(({ name }) => name === when.column)
  if (tensor === undefined || tensor.data.length <= at) return false
  const raw = elementAt(tensor, at)
  const value = typeof raw === 'bigint' ? Number(raw) : raw
  if (when.equals !== undefined && value !== when.equals) return false
  if (when.oneOf !== undefined && !when.oneOf.includes(value)) return false
  if (when.below !== undefined && !(typeof value === 'number' && value < when.below)) return false
  return when.atLeast === undefined || (typeof value === 'number' && value >= when.atLeast)
}
