import type { Scalar } from '../../kernel/scalar.ts'

/** Feature values of some rows, row-major. */
export type FeatureRows = Readonly<{
  names: readonly string[]
  values: readonly (readonly (Scalar | null)[])[]
  eventTimes: readonly (readonly (number | null)[])[]
}>

export type FeatureServiceSchema = Readonly<{
  entities: readonly Readonly<{ key: string; type: string }>[]
  features: readonly Readonly<{ name: string; type: string }>[]
}>

/** The online features that predictions are completed with. */
export interface FeatureReader {
  online(request: {
    project: string
    service: string
    rows: readonly Readonly<Record<string, Scalar>>[]
    at: number
  }): Promise<FeatureRows> | FeatureRows
  serviceSchema(project: string, service: string): Promise<FeatureServiceSchema>
}
