/** One input or output of an ONNX graph. A dimension is a length, a name, or null when it is open. */
export type OnnxValue = Readonly<{
  name: string
  type: string
  shape: readonly (number | string | null)[] | null
}>

/** What an ONNX file says of itself. */
export type OnnxSummary = Readonly<{
  irVersion: number
  opset: number | null
  /** Operator sets by domain; the default domain is `ai.onnx`. */
  opsets: Readonly<Record<string, number>>
  producer: string
  inputs: readonly OnnxValue[]
  outputs: readonly OnnxValue[]
  metadata: Readonly<Record<string, string>>
  /** Files beside the model that hold its weights. */
  externalFiles: readonly string[]
  nodes: number
}>
