import type { Caller } from './caller.ts'
import type { Datatype, Tensor } from './tensor.ts'

/** What a model takes or gives under one name. −1 stands for a dimension that may vary; an empty shape for any shape at all. */
export type TensorSpec = Readonly<{ name: string; datatype: Datatype; shape: readonly number[] }>

export type ModelSpec = Readonly<{
  /** As the Open Inference Protocol names it, such as `onnxruntime_onnx`. */
  platform: string
  inputs: readonly TensorSpec[]
  outputs: readonly TensorSpec[]
  /** Whether nothing is known of the inputs: then whatever comes is passed on. */
  isOpen?: boolean
}>

/** What a run is told beside its inputs; runtimes of this machine have no use for it. */
export type RunSettings = Readonly<{
  /** `performance.now()` time after which nobody waits for the answer. */
  deadline: number
  caller: Caller
}>

/** A model in memory. */
export interface LoadedModel {
  readonly spec: ModelSpec
  readonly device: 'cpu' | 'gpu' | 'remote'
  /** Whether a run holds this thread until it is done. */
  readonly isInline: boolean
  /** Every output, in the order of `spec.outputs`. Rejects when the model fails on these inputs. */
  infer(inputs: readonly Tensor[], run: RunSettings): Promise<readonly Tensor[]>
  /** Frees the memory. Not to be called while a run is under way. */
  close(): Promise<void>
}

/** Loads models of one kind. */
export interface Runtime {
  readonly name: string
  /** Throws `serving.model_load_failed` with the reason when the file is no model that this runtime can run. */
  load(file: { path: string; bytes: number }): Promise<LoadedModel>
}
