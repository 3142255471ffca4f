import { parse } from 'yaml'
import { z } from 'zod'
import { readSignature, type Signature } from './signature.ts'

/** What an `MLmodel` file says that matters here. */
export type MlModel = Readonly<{
  flavors: readonly string[]
  /** Path of the ONNX file below the model's folder; null for other flavors. */
  onnxFile: string | null
  signature: Signature | null
}>

const schema = z.object({
  flavors: z.record(z.string(), z.looseObject({ data: z.unknown().optional() })).default({}),
  signature: z
    .object({ inputs: z.unknown().optional(), outputs: z.unknown().optional() })
    .nullish(),
})

/** Reads an `MLmodel` file. Throws, with the reason, when it is not one. */
export function parseMlModel(text: string): MlModel {
  // Aliases are bounded, so that a few lines can't unfold to gigabytes.
  const checked = schema.safeParse(parse(text, { maxAliasCount: 100 }))
  if (!checked.success)
    throw new Error(`not an MLmodel file: ${checked.error.issues[0]?.message ?? 'not valid'}`)
  const { flavors, signature } = checked.data
  const data = flavors['onnx']?.data
  return {
    flavors: Object.keys(flavors),
    onnxFile: typeof data === 'string' ? data : null,
    signature: signature === null || signature === undefined ? null : readSignature(signature),
  }
}
