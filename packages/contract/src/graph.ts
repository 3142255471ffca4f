import { z } from 'zod'
import { name } from './names.ts'

const value = z.union([z.string(), z.number(), z.boolean()])

/** One rule of a switch: all that is given must hold of the first row's column. */
const condition = z
  .strictObject({
    column: z.string().min(1).max(250),
    equals: value.optional(),
    below: z.number().optional(),
    atLeast: z.number().optional(),
    oneOf: z.array(value).min(1).max(1_000).optional(),
  })
  .refine(
    ({ equals, below, atLeast, oneOf }) =>
      [equals, below, atLeast, oneOf].some((one) => one !== undefined),
    { error: 'give at least one of equals, below, atLeast and oneOf' }
  )

/** Several endpoints as one, as KServe's InferenceGraph has it. Each step is a prediction of its own, with its own traffic, log and cost. */
export const graphSpec = z.discriminatedUnion('kind', [
  z.strictObject({
    /** Each step takes what the one before gave: transformer → model → post-processor. */
    kind: z.literal('sequence'),
    steps: z
      .array(
        z.strictObject({
          endpoint: name,
          /** Where a step's inputs come from, by their names: `{"x": "embedding"}`. Left out: by equal names, or one to one. */
          inputs: z.record(z.string(), z.string()).optional(),
        })
      )
      .min(1)
      .max(20),
  }),
  z.strictObject({
    /** All members get the request at once. */
    kind: z.literal('ensemble'),
    members: z
      .array(z.strictObject({ endpoint: name, weight: z.number().positive().max(1e6).default(1) }))
      .min(1)
      .max(20),
    /** `mean`: the weighted mean of outputs of the same name. `all`: every output, as `<endpoint>.<output>`. */
    combine: z.enum(['mean', 'all']).default('mean'),
  }),
  z.strictObject({
    /** The first case whose condition holds of the first row answers. */
    kind: z.literal('switch'),
    cases: z
      .array(z.strictObject({ when: condition, endpoint: name }))
      .min(1)
      .max(50),
    /** Null: a request that no case takes is refused. */
    otherwise: name.nullable().default(null),
  }),
  z.strictObject({
    /** A share of the requests each, by the request id. */
    kind: z.literal('splitter'),
    parts: z
      .array(z.strictObject({ endpoint: name, weight: z.number().positive().max(1e6) }))
      .min(1)
      .max(50),
  }),
])

export type GraphSpec = z.output<typeof graphSpec>
export type GraphSpecInput = z.input<typeof graphSpec>
