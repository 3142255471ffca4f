import type {
  EntityManifest,
  FeatureType,
  KeyType,
  OnDemandManifest,
  Projection,
  ServiceManifest,
  ViewManifest,
} from '@trestle/contract'

export type KeyColumn = Readonly<{ name: string; type: KeyType }>
export type Column = Readonly<{ name: string; type: FeatureType }>

/**
 * Where the rows of one or more versions of a view lie. Columns are only ever added, so that older rows stay readable by position;
 * a version whose keys or types do not fit gets a storage of its own.
 */
export type Storage = Readonly<{
  id: number
  project: string
  view: string
  keys: readonly KeyColumn[]
  columns: readonly Column[]
}>

type Stamps = Readonly<{ project: string; version: number; createdAt: number; updatedAt: number }>

export type EntityRecord = Readonly<EntityManifest> & Stamps
export type ViewRecord = Readonly<ViewManifest> &
  Stamps & {
    readonly storageId: number
    /** Under which number the online states of an aggregated view are kept; null for any other. */
    readonly stateId: number | null
    readonly keys: readonly KeyColumn[]
    readonly breaking: readonly string[]
  }
export type OnDemandRecord = Readonly<OnDemandManifest> & Stamps
export type ResolvedProjection = Projection & { version: number }
export type ServiceRecord = Omit<Readonly<ServiceManifest>, 'features'> &
  Stamps & { readonly features: readonly ResolvedProjection[] }

/** Everything that one project has declared; versions oldest first. Never changed in place: an apply makes a new one. */
export type Definitions = Readonly<{
  entities: ReadonlyMap<string, EntityRecord>
  views: ReadonlyMap<string, readonly ViewRecord[]>
  onDemand: ReadonlyMap<string, readonly OnDemandRecord[]>
  services: ReadonlyMap<string, readonly ServiceRecord[]>
  storages: ReadonlyMap<number, Storage>
}>

export const NOTHING_DECLARED: Definitions = {
  entities: new Map(),
  views: new Map(),
  onDemand: new Map(),
  services: new Map(),
  storages: new Map(),
}

/** The newest version, or the given one. */
export function versionOf<T extends { readonly version: number }>(
  versions: readonly T[] | undefined,
  version: number | null
): T | undefined {
  return version === null ? versions?.at(-1) : versions?.find((v) => v.version === version)
}
