import { z } from 'zod'

/** One input or output of a model: a named column, or a tensor with its shape (-1 is any length). */
export type Column = Readonly<
  | { kind: 'column'; name: string | null; type: string; required: boolean }
  | { kind: 'tensor'; name: string | null; dtype: string; shape: readonly number[] }
>

export type Signature = Readonly<{ inputs: readonly Column[]; outputs: readonly Column[] }>

const tensor = z.object({
  type: z.literal('tensor'),
  name: z.string().optional(),
  'tensor-spec': z.object({ dtype: z.string(), shape: z.array(z.number()) }),
})
const column = z.object({
  type: z.string(),
  name: z.string().optional(),
  required: z.boolean().default(true),
})
const columns = z.array(z.union([tensor, column]))

/** The signature in an `MLmodel` file: JSON texts inside YAML (mlflow/models/signature.py). Null when a part can't be read. */
export function readSignature(given: { inputs?: unknown; outputs?: unknown }): Signature | null {
  const inputs = readColumns(given.inputs)
  const outputs = readColumns(given.outputs)
  return inputs === null || outputs === null ? null : { inputs, outputs }
}

function readColumns(text: unknown): Column[] | null {
  if (text === undefined || text === null) return []
  if (typeof text !== 'string') return null
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return null
  }
  const checked = columns.safeParse(parsed)
  if (!checked.success) return null
  return checked.data.map((item): Column =>
    'tensor-spec' in item
      ? {
          kind: 'tensor',
          name: item.name ?? null,
          dtype: item['tensor-spec'].dtype,
          shape: item['tensor-spec'].shape,
        }
      : { kind: 'column', name: item.name ?? null, type: item.type, required: item.required }
  )
}
