/** A column of a model's signature. */
export type SignatureColumn = Readonly<{ name: string; type: string }>

/** A registered model version, as far as serving needs it. */
export type ServableVersion = Readonly<{
  name: string
  version: number
  signature: Readonly<{
    inputs: readonly SignatureColumn[]
    outputs: readonly SignatureColumn[]
  }> | null
  /** The ONNX file on this machine; null when the version has none. */
  onnxPath: string | null
  /** The folder of an MLflow model without ONNX on this machine; null when it has none. */
  pyfuncFolder?: string | null
  /** How much the file and its weights in other files hold; left out, what the file alone does. */
  onnxBytes?: number
  /** The feature service that the version was trained on, when it says so. */
  featureService?: string | null
}>

/** Where models come from. Throws when the reference names nothing. */
export interface ModelSource {
  /** `name/3`, `name@champion`, `models:/name/3` … */
  resolve(project: string, reference: string): Promise<ServableVersion>
}
