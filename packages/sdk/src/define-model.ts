/** A datatype of the Open Inference Protocol. */
export type ScriptDatatype =
  | 'BOOL'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'FP16'
  | 'FP32'
  | 'FP64'
  | 'BYTES'

/** One input or output of a script: a value per row, or a tensor of `shape` per row, where −1 varies. */
export type ScriptTensor =
  ScriptDatatype | Readonly<{ datatype: ScriptDatatype; shape: readonly number[] }>

/** A model written as code. `Row` and `Answer` are what one row holds; INT64 and UINT64 come as bigint. */
export type ScriptModel<Row, Answer, State> = Readonly<{
  inputs: Readonly<Record<string, ScriptTensor>>
  outputs: Readonly<Record<string, ScriptTensor>>
  /** Runs once when the script is loaded. */
  load?: () => State | Promise<State>
  /** One answer for each row, in the same order. */
  predict: (
    rows: readonly Row[],
    context: Readonly<{ state: State; requestId: string }>
  ) => readonly Answer[] | Promise<readonly Answer[]>
}>

/**
 * The default export of a script that an endpoint serves: `trestle endpoints create rules --script rules.ts`. The module imports nothing but this function:
 * where it runs there are no packages, no files and no environment.
 */
export const defineModel = <Row, Answer, State = undefined>(
  model: ScriptModel<Row, Answer, State>
): ScriptModel<Row, Answer, State> => model
