import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { GpuMetrics } from './modules/costs/index.ts'
import { parseRedisUrl, type RedisAddress } from './modules/features/index.ts'
import type { ServingConfig } from './modules/serving/index.ts'
import {
  otlpEnvironment,
  otlpSettings,
  type OtlpSettings,
} from './platform/telemetry/otlp/index.ts'
import { messageOf } from './kernel/errors.ts'
import type { BlobSettings } from './platform/blobs/index.ts'
import type { KafkaAddress } from './platform/kafka/index.ts'
import { parseS3Url, s3Environment, s3Settings, type S3Settings } from './platform/s3/index.ts'

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** Which variables may be sent to a backend as its key; the contract names the same. */
const LLM_KEY = /^(LLM_[A-Z0-9_]+|[A-Z][A-Z0-9_]*_API_KEY)$/

/** Databases that may be read from, each by the name behind this prefix. */
const SOURCE = /^TRESTLE_SOURCE_([A-Z0-9_]+)$/

/** What a model's Python may see: where programs, homes and temporary files are, and how many threads to take. No key. */
const PYTHON_ENV = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'LC_ALL',
  'LD_LIBRARY_PATH',
  'VIRTUAL_ENV',
  'OMP_NUM_THREADS',
]

/** What processes of models need to find a GPU; no secret is among it. */
const MODEL_ENV = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES'] as const

const bytes = z.coerce.number().int().positive()

const environment = z.object({
  /** Address to listen on. Anything but loopback needs an admin key. */
  TRESTLE_HOST: z.string().min(1).default('127.0.0.1'),
  /** 0 picks a free port. */
  TRESTLE_PORT: z.coerce.number().int().min(0).max(65_535).default(4400),
  /** gRPC port; 0 picks a free one, empty turns gRPC off. */
  TRESTLE_GRPC_PORT: z
    .union([z.literal(''), z.coerce.number().int().min(0).max(65_535)])
    .default(''),
  /** Where embedded engines keep their files. */
  TRESTLE_DATA: z.string().min(1).default('./data'),
  /** Empty: SQLite in the data folder. */
  DATABASE_URL: z
    .union([
      z.literal(''),
      z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }),
    ])
    .default(''),
  /** Redis or Valkey for online features: `redis://host:6379/0`, a cluster with `redis://host1,host2?cluster=true`. Empty: SQLite in the data folder. */
  ONLINE_STORE_URL: z
    .string()
    .default('')
    .transform((url, context): RedisAddress | null => {
      if (url === '') return null
      try {
        return parseRedisUrl(url)
      } catch (error) {
        context.addIssue({ code: 'custom', message: messageOf(error) })
        return z.NEVER
      }
    }),
  /** Where artifacts and models are kept, e.g. `s3://bucket/prefix`. Empty: files in the data folder. */
  ARTIFACTS_URL: z
    .string()
    .default('')
    .superRefine((url, context) => {
      try {
        if (url !== '') parseS3Url(url)
      } catch (error) {
        context.addIssue({ code: 'custom', message: messageOf(error) })
      }
    }),
  /** How much of them is kept as local files for engines that read paths. */
  TRESTLE_BLOB_CACHE_BYTES: bytes.default(10 * 1024 ** 3),
  ...s3Environment,
  /** Kafka brokers for streams, `host:9092,host:9092`. Empty: no streams. */
  KAFKA_BROKERS: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((broker) => broker.trim() || []))
    .refine((brokers) => brokers.every((broker) => /^[^\s:]+:\d+$/.test(broker)), {
      error: 'must be host:port, host:port …',
    }),
  /** `tls` for an encrypted connection. */
  KAFKA_SECURITY: z.enum(['plaintext', 'tls']).default('plaintext'),
  KAFKA_SASL_MECHANISM: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).default('PLAIN'),
  /** Empty: no login. */
  KAFKA_USERNAME: z.string().default(''),
  KAFKA_PASSWORD: z.string().default(''),
  /** The folder that files of features are read from, and nothing outside it. Empty: any file that the server can read, relative to where it was started. */
  TRESTLE_SOURCE_ROOT: z.string().default(''),
  /** How long a prediction waits for the online store before views that did not come count as missing. Empty: as long as the request may take. */
  TRESTLE_FEATURE_DEADLINE_MS: z.union([z.literal(''), bytes]).default(''),
  /** How many rows of served features a minute are compared with the history. 0: none. */
  TRESTLE_FEATURE_SAMPLE_PER_MINUTE: z.coerce.number().int().min(0).default(600),
  /** An admin key that is valid while this is set. At least 20 characters, so that it can't be guessed. Empty: none. */
  TRESTLE_ADMIN_KEY: z.union([z.literal(''), z.string().min(20)]).default(''),
  /** `required`: a key is needed on loopback too. */
  TRESTLE_AUTH: z.enum(['auto', 'required']).default('auto'),
  /** An OpenLineage server, told of runs and models, e.g. `http://marquez:5000`. Empty: nobody is told. */
  OPENLINEAGE_URL: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
  /** The path of its API. */
  OPENLINEAGE_ENDPOINT: z.string().default('api/v1/lineage'),
  /** Sent as a bearer token. Empty: none. */
  OPENLINEAGE_API_KEY: z.string().default(''),
  /** The namespace of jobs; data lies in `<namespace>/data`, models in `<namespace>/models`. */
  OPENLINEAGE_NAMESPACE: z.string().min(1).default('trestle'),
  ...otlpEnvironment,
  TRESTLE_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info'),
  /** Largest JSON body. Uploads of artifacts are streamed and not limited by it. */
  TRESTLE_MAX_BODY_BYTES: bytes.default(64 * 1024 * 1024),
  /** How often a running rollout looks at its evidence. */
  TRESTLE_ROLLOUT_LOOK_MS: z.coerce.number().int().min(200).default(2_000),
  /** How long a replica that died keeps others from acting on its rollouts. */
  TRESTLE_ROLLOUT_LEASE_MS: z.coerce.number().int().min(2_000).default(15_000),
  /** How long a worker that died keeps its shard of a batch job from others. */
  TRESTLE_BATCH_LEASE_MS: z.coerce.number().int().min(500).default(15_000),
  /** Base URL of the Prometheus that `promql` gates ask, e.g. http://prometheus:9090. Empty: such gates hold. */
  TRESTLE_PROMETHEUS_URL: z
    .union([z.literal(''), z.url({ protocol: /^https?$/, error: 'must be an http:// URL' })])
    .default(''),
  /** What models may hold in memory together, by the size of their files: the one idle longest makes place and is loaded again when asked for. Empty: no limit. */
  TRESTLE_MODEL_MEMORY_BYTES: z.union([z.literal(''), bytes]).default(''),
  /** Folder of LLMs and embedders that Trestle may run itself. Empty: `local-models` in the data folder. */
  TRESTLE_LOCAL_MODELS: z.string().default(''),
  /** Addresses of DCGM exporters with commas, e.g. http://localhost:9400/metrics; `off`. Empty: `nvidia-smi`, where it is installed. */
  TRESTLE_GPU_METRICS: z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((part) => part.trim() || []))
    .refine((parts) => parts.join() === 'off' || parts.every((part) => /^https?:/.test(part)), {
      error: 'must be `off` or http:// addresses with commas',
    }),
  /** Whose metric names are written beside our own, with commas: `triton`, `kserve`, `torchserve`. Empty: none. */
  TRESTLE_METRIC_NAMES: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '')
    )
    .pipe(z.array(z.enum(['triton', 'kserve', 'torchserve']))),
  /** A Python that has mlflow and what the models need: MLflow models without ONNX then run in processes of it. Empty: such models are not served. */
  TRESTLE_PYTHON: z.string().default(''),
  /** Memory of one such process, and how long one call may take. */
  TRESTLE_PYTHON_MEMORY_MB: z.coerce.number().int().min(64).default(4_096),
  TRESTLE_PYTHON_TIMEOUT_MS: z.coerce.number().int().min(1).max(600_000).default(30_000),
  /** `off`: no variant may be a script, code that operators bring; it runs in a process without rights to files. */
  TRESTLE_SCRIPTS: z.enum(['on', 'off']).default('on'),
  /** `sagemaker`, `vertex` or `azureml`: that platform stands in front and lets callers in, so its prediction routes ask for no key. Empty: none. */
  TRESTLE_HOSTED_BY: z.enum(['', 'sagemaker', 'vertex', 'azureml']).default(''),
  /** Set by Vertex AI: the port and the routes that it calls. They are served when `TRESTLE_HOSTED_BY` is `vertex`. Empty: its defaults. */
  AIP_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  AIP_HEALTH_ROUTE: z.string().regex(/^\//, 'must begin with /').default('/health'),
  AIP_PREDICT_ROUTE: z.string().regex(/^\//, 'must begin with /').default('/predict'),
  TRESTLE_REQUEST_TIMEOUT_MS: bytes.default(300_000),
  /** How long stop waits for answers under way. */
  TRESTLE_DRAIN_TIMEOUT_MS: bytes.default(20_000),
})

export type Config = Readonly<{
  host: string
  port: number
  grpcPort: number | null
  dataDir: string
  database: { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string }
  s3: S3Settings
  blobs: BlobSettings
  /** Null: no streams. */
  kafka: KafkaAddress | null
  features: {
    onlineStore: RedisAddress | null
    sampledRowsPerMinute: number
    readDeadlineMs: number | null
  }
  sources: {
    /** Null: files anywhere. */
    root: string | null
    /** `postgres://` addresses of databases that are read from, by name, from `TRESTLE_SOURCE_<NAME>`. Never shown. */
    postgres: ReadonlyMap<string, string>
  }
  identity: { allowAnonymous: boolean; adminKey: string | null }
  /** Null: nobody is told. */
  openLineage: { url: string; apiKey: string | null; namespace: string } | null
  /** Null: no spans and metrics are sent. */
  otlp: OtlpSettings | null
  logLevel: string
  http: { maxBodyBytes: number; requestTimeoutMs: number }
  serving: Pick<
    ServingConfig,
    'modelMemoryBytes' | 'metricNames' | 'hosted' | 'areScriptsAllowed' | 'localModels' | 'python'
  >
  rollouts: { lookEveryMs: number; leaseMs: number; prometheusUrl: string | null }
  batch: { leaseMs: number }
  gpuMetrics: GpuMetrics
  drainTimeoutMs: number
  /** Keys of LLM backends by the name of their variable: every variable that ends in `_API_KEY` or begins with `LLM_`. Read once, never shown. */
  llmKeys: ReadonlyMap<string, string>
}>

/** Reads the configuration, or throws with every problem at once. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    throw new Error(
      `These settings are not right:\n${parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`).join('\n')}`
    )
  }
  const e = parsed.data
  // Where each platform looks, unless told otherwise.
  const HOSTED_PORT: Readonly<Record<string, number>> = {
    sagemaker: 8080,
    vertex: e.AIP_HTTP_PORT,
    azureml: 5001,
  }
  return Object.freeze({
    host: e.TRESTLE_HOST,
    port:
      env['TRESTLE_PORT'] === undefined
        ? (HOSTED_PORT[e.TRESTLE_HOSTED_BY] ?? e.TRESTLE_PORT)
        : e.TRESTLE_PORT,
    grpcPort: e.TRESTLE_GRPC_PORT === '' ? null : e.TRESTLE_GRPC_PORT,
    dataDir: e.TRESTLE_DATA,
    database:
      e.DATABASE_URL === ''
        ? { kind: 'sqlite' as const, path: join(e.TRESTLE_DATA, 'trestle.db') }
        : { kind: 'postgres' as const, url: e.DATABASE_URL },
    s3: s3Settings(e),
    blobs:
      e.ARTIFACTS_URL === ''
        ? { kind: 'files' as const }
        : { kind: 's3' as const, url: e.ARTIFACTS_URL, cacheBytes: e.TRESTLE_BLOB_CACHE_BYTES },
    kafka:
      e.KAFKA_BROKERS.length === 0
        ? null
        : {
            brokers: e.KAFKA_BROKERS,
            isTls: e.KAFKA_SECURITY === 'tls',
            sasl:
              e.KAFKA_USERNAME === ''
                ? null
                : {
                    mechanism: e.KAFKA_SASL_MECHANISM,
                    username: e.KAFKA_USERNAME,
                    password: e.KAFKA_PASSWORD,
                  },
          },
    features: {
      onlineStore: e.ONLINE_STORE_URL,
      sampledRowsPerMinute: e.TRESTLE_FEATURE_SAMPLE_PER_MINUTE,
      readDeadlineMs: e.TRESTLE_FEATURE_DEADLINE_MS === '' ? null : e.TRESTLE_FEATURE_DEADLINE_MS,
    },
    sources: {
      root: e.TRESTLE_SOURCE_ROOT === '' ? null : resolve(e.TRESTLE_SOURCE_ROOT),
      postgres: postgresSources(env),
    },
    identity: {
      allowAnonymous: LOOPBACK.has(e.TRESTLE_HOST) && e.TRESTLE_AUTH === 'auto',
      adminKey: e.TRESTLE_ADMIN_KEY === '' ? null : e.TRESTLE_ADMIN_KEY,
    },
    openLineage:
      e.OPENLINEAGE_URL === ''
        ? null
        : {
            url: `${e.OPENLINEAGE_URL.replace(/\/+$/, '')}/${e.OPENLINEAGE_ENDPOINT.replace(/^\/+/, '')}`,
            apiKey: e.OPENLINEAGE_API_KEY === '' ? null : e.OPENLINEAGE_API_KEY,
            namespace: e.OPENLINEAGE_NAMESPACE,
          },
    otlp: otlpSettings(e),
    logLevel: e.TRESTLE_LOG_LEVEL,
    http: {
      maxBodyBytes: e.TRESTLE_MAX_BODY_BYTES,
      requestTimeoutMs: e.TRESTLE_REQUEST_TIMEOUT_MS,
    },
    serving: {
      modelMemoryBytes: e.TRESTLE_MODEL_MEMORY_BYTES === '' ? null : e.TRESTLE_MODEL_MEMORY_BYTES,
      metricNames: e.TRESTLE_METRIC_NAMES,
      areScriptsAllowed: e.TRESTLE_SCRIPTS === 'on',
      python: {
        command: e.TRESTLE_PYTHON === '' ? null : e.TRESTLE_PYTHON,
        env: pick(env, PYTHON_ENV),
        timeoutMs: e.TRESTLE_PYTHON_TIMEOUT_MS,
        memoryMb: e.TRESTLE_PYTHON_MEMORY_MB,
      },
      localModels: {
        folder:
          e.TRESTLE_LOCAL_MODELS === ''
            ? join(e.TRESTLE_DATA, 'local-models')
            : e.TRESTLE_LOCAL_MODELS,
        env: pick(env, MODEL_ENV),
      },
      hosted: {
        isBehindPlatform: e.TRESTLE_HOSTED_BY !== '',
        vertex:
          e.TRESTLE_HOSTED_BY === 'vertex'
            ? { healthRoute: e.AIP_HEALTH_ROUTE, predictRoute: e.AIP_PREDICT_ROUTE }
            : null,
      },
    },
    rollouts: {
      lookEveryMs: e.TRESTLE_ROLLOUT_LOOK_MS,
      leaseMs: e.TRESTLE_ROLLOUT_LEASE_MS,
      prometheusUrl: e.TRESTLE_PROMETHEUS_URL === '' ? null : e.TRESTLE_PROMETHEUS_URL,
    },
    batch: { leaseMs: e.TRESTLE_BATCH_LEASE_MS },
    gpuMetrics: gpuMetricsOf(e.TRESTLE_GPU_METRICS, env['PATH'] ?? ''),
    drainTimeoutMs: e.TRESTLE_DRAIN_TIMEOUT_MS,
    llmKeys: new Map(
      Object.entries(env).flatMap(([name, value]) =>
        LLM_KEY.test(name) && value !== undefined && value !== '' ? [[name, value] as const] : []
      )
    ),
  })
}

const pick = (
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[]
): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name]
      return value === undefined ? [] : [[name, value] as const]
    })
  )

function gpuMetricsOf(given: readonly string[], path: string): GpuMetrics {
  if (given[0] === 'off') return { kind: 'off' }
  return given.length > 0 ? { kind: 'dcgm', urls: given } : { kind: 'nvidia-smi', path }
}

function postgresSources(env: Readonly<Record<string, string | undefined>>): Map<string, string> {
  return new Map(
    Object.entries(env).flatMap(([variable, url]): [string, string][] => {
      const name = SOURCE.exec(variable)?.[1]
      if (name === undefined || name === 'ROOT' || url === undefined || url === '') return []
      if (!/^postgres(ql)?:\/\//.test(url))
        throw new Error(`These settings are not right:\n  ${variable}: must be a postgres:// URL`)
      return [[name, url]]
    })
  )
}
