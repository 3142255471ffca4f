/** What may be asked of one kind of thing: its entities, its attributes, and how its refusals are worded (mlflow/utils/search_utils.py). */
export type Grammar = Readonly<{
  /** Written entity → canonical one. */
  entities: Readonly<Record<string, Entity>>
  /** Attribute as written → canonical name. */
  strings: Readonly<Record<string, string>>
  numbers: Readonly<Record<string, string>>
  /** String attributes that take IN and NOT IN. */
  lists: readonly string[]
  /** Keys of the `dataset` entity. */
  datasetKeys?: readonly string[]
  /** Whether `params` and `tags` take IN and NOT IN too. */
  listsEverywhere?: boolean
}>

export type Entity = 'metric' | 'parameter' | 'tag' | 'attribute' | 'dataset'

const METRICS = { metric: 'metric', metrics: 'metric' } as const
const PARAMS = {
  param: 'parameter',
  params: 'parameter',
  parameter: 'parameter',
  parameters: 'parameter',
} as const
const TAGS = { tag: 'tag', tags: 'tag' } as const
const ATTRIBUTES = { attribute: 'attribute', attributes: 'attribute', attr: 'attribute' } as const

const same = (...names: string[]) => Object.fromEntries(names.map((name) => [name, name]))

export const RUNS: Grammar = {
  entities: {
    ...METRICS,
    ...PARAMS,
    ...TAGS,
    ...ATTRIBUTES,
    run: 'attribute',
    dataset: 'dataset',
    datasets: 'dataset',
  },
  strings: {
    ...same('run_id', 'run_name', 'user_id', 'status', 'artifact_uri'),
    'run name': 'run_name',
    'Run name': 'run_name',
    'Run Name': 'run_name',
  },
  numbers: { ...same('start_time', 'end_time'), created: 'start_time', Created: 'start_time' },
  lists: ['run_id'],
  datasetKeys: ['name', 'digest', 'context'],
}

export const EXPERIMENTS: Grammar = {
  entities: { ...TAGS, attribute: 'attribute' },
  strings: same('name'),
  numbers: same('creation_time', 'last_update_time'),
  lists: [],
}

export const EVALUATION_DATASETS: Grammar = {
  entities: { ...TAGS, ...ATTRIBUTES },
  strings: same('name', 'created_by', 'last_updated_by'),
  numbers: same('created_time', 'last_update_time'),
  lists: ['name'],
}

export const REGISTERED_MODELS: Grammar = {
  entities: { ...TAGS, ...ATTRIBUTES },
  strings: same('name'),
  numbers: {},
  lists: [],
}

export const MODEL_VERSIONS: Grammar = {
  entities: { ...TAGS, ...ATTRIBUTES },
  strings: same('name', 'run_id', 'source_path'),
  numbers: same('version_number'),
  lists: ['run_id', 'name'],
}

export const LOGGED_MODELS: Grammar = {
  entities: { ...METRICS, ...PARAMS, ...TAGS, ...ATTRIBUTES },
  strings: same('name', 'model_id', 'model_type', 'status', 'source_run_id', 'experiment_id'),
  numbers: {
    creation_timestamp: 'creation_timestamp_ms',
    creation_timestamp_ms: 'creation_timestamp_ms',
    creation_time: 'creation_timestamp_ms',
    last_updated_timestamp: 'last_updated_timestamp_ms',
    last_updated_timestamp_ms: 'last_updated_timestamp_ms',
    last_updated_time: 'last_updated_timestamp_ms',
  },
  lists: ['name', 'model_id', 'model_type', 'status', 'source_run_id', 'experiment_id'],
  listsEverywhere: true,
}
