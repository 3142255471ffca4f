import protobuf from 'protobufjs'

/** What is read of Feast's registry: these fields, by their numbers in feast-dev/feast (Apache-2.0). */
const SCHEMA = `syntax = "proto3";
message Registry {
  repeated Entity entities = 1; repeated FeatureView feature_views = 6; repeated Service feature_services = 7;
  repeated Named on_demand_feature_views = 8; repeated Named stream_feature_views = 14; repeated Named label_views = 19;
}
message Named { NamedSpec spec = 1; }
message NamedSpec { string name = 1; string project = 2; }
message Entity { EntitySpec spec = 1; }
message EntitySpec { string name = 1; int32 value_type = 2; string description = 3; string join_key = 4; map<string, string> tags = 8; string project = 9; string owner = 10; }
message Field { string name = 1; int32 value_type = 2; string description = 4; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
message Source {
  int32 type = 1; map<string, string> field_mapping = 2; string timestamp_field = 3; string created_timestamp_column = 5; File file_options = 11;
  Kafka kafka_options = 13; Custom custom_options = 16; string data_source_class_type = 17; string name = 20; Source batch_source = 26;
}
message File { string uri = 2; }
message Kafka { string topic = 2; }
message Custom { bytes configuration = 1; }
message FeatureView { ViewSpec spec = 1; }
message ViewSpec {
  string name = 1; string project = 2; repeated string entities = 3; repeated Field features = 4; map<string, string> tags = 5; Duration ttl = 6;
  Source batch_source = 7; bool online = 8; Source stream_source = 9; string description = 10; string owner = 11; repeated Field entity_columns = 12; string mode = 16;
}
message Service { ServiceSpec spec = 1; }
message ServiceSpec { string name = 1; string project = 2; repeated Projection features = 3; map<string, string> tags = 4; string description = 5; string owner = 6; }
message Projection { string feature_view_name = 1; repeated Field feature_columns = 2; string feature_view_name_alias = 3; map<string, string> join_key_map = 4; }
`

export type FeastField = Readonly<{ name: string; valueType: number; description: string }>
type Tags = Readonly<Record<string, string>>
export type FeastSource = Readonly<{
  type: number
  fieldMapping: Tags
  timestampField: string
  createdTimestampColumn: string
  fileOptions: { uri: string } | null
  kafkaOptions: { topic: string } | null
  customOptions: { configuration: Uint8Array } | null
  dataSourceClassType: string
  name: string
  batchSource: FeastSource | null
}>
export type FeastEntity = Readonly<{
  name: string
  project: string
  valueType: number
  description: string
  joinKey: string
  tags: Tags
  owner: string
}>
export type FeastView = Readonly<{
  name: string
  project: string
  entities: readonly string[]
  features: readonly FeastField[]
  entityColumns: readonly FeastField[]
  tags: Tags
  ttl: { seconds: number; nanos: number } | null
  batchSource: FeastSource | null
  streamSource: FeastSource | null
  online: boolean
  description: string
  owner: string
  mode: string
}>
export type FeastService = Readonly<{
  name: string
  project: string
  features: readonly Readonly<{
    featureViewName: string
    featureColumns: readonly FeastField[]
    featureViewNameAlias: string
    joinKeyMap: Tags
  }>[]
  tags: Tags
  description: string
  owner: string
}>
type Specs<T> = readonly Readonly<{ spec: T }>[]

export type FeastRegistry = Readonly<{
  entities: Specs<FeastEntity>
  featureViews: Specs<FeastView>
  featureServices: Specs<FeastService>
  onDemandFeatureViews: Specs<{ name: string; project: string }>
  streamFeatureViews: Specs<{ name: string; project: string }>
  labelViews: Specs<{ name: string; project: string }>
}>

/** Reads a registry file. Throws when it is none. */
export function decodeRegistry(bytes: Uint8Array): FeastRegistry {
  const type = protobuf.parse(SCHEMA).root.lookupType('Registry')
  return type.toObject(type.decode(bytes), {
    longs: Number,
    arrays: true,
    objects: true,
    defaults: true,
  }) as FeastRegistry // of the schema above
}
