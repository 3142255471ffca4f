import { z } from 'zod'
import { keyEnv } from './llm.ts'

const tensor = z.strictObject({
  name: z.string().min(1).max(250),
  /** As the Open Inference Protocol names it: `FP32`, `INT64`, `BYTES` … */
  datatype: z.enum([
    'BOOL',
    'INT8',
    'INT16',
    'INT32',
    'INT64',
    'UINT8',
    'UINT16',
    'UINT32',
    'UINT64',
    'FP16',
    'BF16',
    'FP32',
    'FP64',
    'BYTES',
  ]),
  /** −1 for a dimension that varies; the first is the rows. */
  shape: z.array(z.int().min(-1)).max(16),
})

/** A model on another server, behind an endpoint of ours. */
export const remoteSpec = z
  .strictObject({
    /** The server's root, `http(s)://host:port` or `grpc(s)://host:port`; for `sagemaker` and `mlflow` the address that takes invocations. */
    url: z.url({ protocol: /^(https?|grpcs?)$/ }).max(2_000),
    /** `oip`: Open Inference Protocol v2 (Triton, KServe, MLServer, another Trestle), over REST or gRPC by the URL. */
    protocol: z.enum(['oip', 'kserve-v1', 'sagemaker', 'mlflow']).default('oip'),
    /** The model as that server calls it; `sagemaker` and `mlflow` have one model only. */
    model: z.string().min(1).max(250).optional(),
    /** Its version there; null leaves the choice to that server. */
    version: z.string().min(1).max(250).nullable().default(null),
    /** The variable of this server's environment that holds the key to send as `Authorization: Bearer`; null: none. */
    keyEnv: keyEnv.nullable().default(null),
    /** One try may take this long. */
    timeoutMs: z.int().positive().max(600_000).default(30_000),
    /** Further tries after one that the server did not begin: unreachable, or refused as too busy. */
    retries: z.int().min(0).max(5).default(2),
    /** Calls under way at once; more wait in the queue. */
    maxConcurrent: z.int().positive().max(10_000).default(64),
    /** What it takes and gives, where the server does not say it itself. */
    inputs: z.array(tensor).min(1).max(1_000).optional(),
    outputs: z.array(tensor).min(1).max(1_000).optional(),
  })
  .refine(
    ({ protocol, model }) =>
      protocol === 'sagemaker' || protocol === 'mlflow' || model !== undefined,
    { error: 'must say what the server calls the model', path: ['model'] }
  )
  .refine(({ protocol, url }) => protocol === 'oip' || !url.startsWith('grpc'), {
    error: 'only the protocol "oip" goes over gRPC',
    path: ['url'],
  })

export type RemoteSpec = z.output<typeof remoteSpec>
export type RemoteSpecInput = z.input<typeof remoteSpec>
