import type * as Grpc from '@grpc/grpc-js'
import { ERRORS } from '@trestle/contract'
import type { Clock } from '../../../../kernel/clock.ts'
import { sortableId } from '../../../../kernel/ids.ts'
import {
  mayAct,
  readCredentials,
  type Authenticate,
  type Principal,
} from '../../../../platform/auth/index.ts'
import type { Component } from '../../../../platform/component.ts'
import { fail } from '../../../../platform/errors.ts'
import {
  createGrpcServer,
  GrpcFailure,
  type GrpcCall,
  type GrpcCodec,
  type GrpcMethod,
  type GrpcServer,
} from '../../../../platform/grpc/index.ts'
import { DEFAULT_PROJECT, toAppError } from '../../../../platform/http/index.ts'
import type { Logger } from '../../../../platform/telemetry/logger.ts'
import type { DataPlane } from '../../data-plane.ts'
import type { EndpointControl } from '../../endpoint-control.ts'
import type { Fleet } from '../../fleet.ts'
import type { LlmGateway } from '../../llm/gateway.ts'
import { priorityOf } from '../http-request.ts'
import { isLlm } from '../openai/models.ts'
import { generateOnStream } from './generate-grpc.ts'
import { readGrpcCall, writeGrpcAnswer, type GrpcInferRequest } from './grpc-codec.ts'
import {
  findModel,
  findServed,
  findVersion,
  isVersionReady,
  modelConfiguration,
  modelMetadata,
  modelStatistics,
  repositoryIndex,
} from './model-info.ts'
import { loadHealthProto, loadInferCodec, loadInferenceProto } from './proto.ts'
import { loadModel, unloadModel } from './repository.ts'
import { OIP_EXTENSIONS } from './routes.ts'

export type GrpcDeps = Readonly<{
  dataPlane: DataPlane
  fleet: Fleet
  control: EndpointControl
  gateway: LlmGateway
  clock: Clock
  log: Logger
  maxBodyBytes: number
  maxBatchRows: number
  version: string
}>
export type GrpcAddress = Readonly<{ host: string; port: number; authenticate: Authenticate }>

/** The fields of the small messages; each has some of them. */
type Named = Readonly<{
  name: string
  version: string
  ready: boolean
  model_name: string
  parameters: Readonly<Record<string, unknown>>
}>
type Caller = Readonly<{
  principal: Principal
  project: string
  header: (name: string) => string | undefined
}>

type StreamCall = GrpcCall & { write: (message: unknown) => void }

/** A gRPC listener; `port` is the one it got once it has started. */
export interface GrpcListener extends Component {
  readonly port: number | null
}

/** Open Inference Protocol, version 2, over gRPC. Keys come in the metadata `authorization`, the project in `x-trestle-project`. */
export function createOipGrpc(deps: GrpcDeps, address: GrpcAddress): GrpcListener {
  const { dataPlane, fleet } = deps
  let server: GrpcServer | null = null
  let port: number | null = null

  const identify = ({ header }: GrpcCall): Caller => {
    const headers = Object.fromEntries(
      ['authorization', 'x-api-key', 'api-key'].map((name) => [name, header(name)])
    )
    const principal = address.authenticate(readCredentials(headers))
    if (principal === null || !mayAct(principal, 'viewer'))
      throw fail('auth.unauthenticated', 'Send an API key in the metadata "authorization"')
    const asked = header('x-trestle-project')
    if (principal.project !== null && asked !== undefined && asked !== principal.project)
      throw fail('auth.forbidden', `This key belongs to project "${principal.project}"`)
    return { principal, project: asked ?? principal.project ?? DEFAULT_PROJECT, header }
  }

  const infer = async (caller: Caller, request: GrpcInferRequest, call: GrpcCall) => {
    findModel(fleet, caller.project, request.model_name) // for the protocol's own words about an unknown model
    const inferCall = readGrpcCall(request)
    const left = call.timeLeftMs()
    if (left <= 0)
      throw fail('request.deadline_exceeded', 'The deadline passed before the request came')
    const answer = await dataPlane.infer({
      project: caller.project,
      endpoint: request.model_name,
      requestId: caller.header('x-request-id') ?? sortableId('req', deps.clock.now()),
      apiKeyId: caller.principal.keyId,
      header: caller.header,
      variant:
        caller.header('x-trestle-variant') ??
        (request.model_version === '' ? null : request.model_version),
      timeoutMs: Math.min(inferCall.timeoutMs ?? Infinity, left),
      priority: inferCall.priority ?? priorityOf(caller.header('x-request-priority')),
      isGone: call.isCancelled,
      payload: { kind: 'tensors', tensors: inferCall.inputs },
    })
    return writeGrpcAnswer(request.model_name, inferCall, answer)
  }

  const unary: Record<string, (caller: Caller, request: Named) => unknown> = {
    ServerLive: () => ({ live: true }),
    ServerReady: () => ({ ready: fleet.pending().length === 0 }),
    ServerMetadata: () => ({ name: 'trestle', version: deps.version, extensions: OIP_EXTENSIONS }),
    ModelReady: ({ project }, { name, version }) => ({
      ready: isVersionReady(findVersion(findModel(fleet, project, name), orNull(version))),
    }),
    ModelMetadata: async ({ project }, { name, version }) => {
      const endpoint = findModel(fleet, project, name)
      return modelMetadata(endpoint, await findServed(fleet, endpoint, orNull(version)))
    },
    ModelConfig: async ({ project }, { name, version }) => {
      const endpoint = findModel(fleet, project, name)
      const served = await findServed(fleet, endpoint, orNull(version))
      return { config: modelConfiguration(endpoint, served, deps.maxBatchRows) }
    },
    ModelStatistics: ({ project }, { name, version }) => {
      const endpoints = name === '' ? fleet.list(project) : [findModel(fleet, project, name)]
      return {
        model_stats: endpoints.flatMap((endpoint) =>
          (version === '' ? [...endpoint.variants.values()] : [findVersion(endpoint, version)]).map(
            (variant) => modelStatistics(endpoint, variant)
          )
        ),
      }
    },
    RepositoryIndex: ({ project }, { ready }) => ({
      models: repositoryIndex(fleet.list(project), ready),
    }),
    RepositoryModelLoad: async (caller, { model_name: name, parameters }) => {
      requireOperator(caller)
      await loadModel(deps, caller.project, { name, parameters: Object.keys(parameters) })
      return {}
    },
    RepositoryModelUnload: async (caller, { model_name: name }) => {
      requireOperator(caller)
      await unloadModel(deps, caller.project, name)
      return {}
    },
  }

  const toFailure = (thrown: unknown): GrpcFailure => {
    if (thrown instanceof GrpcFailure) return thrown
    const error = toAppError(thrown)
    const { status } = ERRORS[error.code]
    if (status >= 500) deps.log.error({ err: thrown, code: error.code }, 'gRPC request failed')
    return new GrpcFailure(GRPC_STATUS[status] ?? 2, error.message)
  }

  const generate = (
    { principal, project, header }: Caller,
    request: GrpcInferRequest,
    call: StreamCall
  ): Promise<void> =>
    generateOnStream(
      deps.gateway,
      {
        project,
        endpoint: request.model_name,
        requestId: header('x-request-id') ?? sortableId('req', deps.clock.now()),
        at: deps.clock.now(),
        apiKeyId: principal.keyId,
        tag: header('x-trestle-tag') ?? '',
        variant: header('x-trestle-variant') ?? orNull(request.model_version),
        header,
        request,
        isGone: call.isCancelled,
      },
      call.write
    )

  /** Answers the requests of a stream one after the other; a failed one is told of in its own answer. */
  const stream = async (requests: AsyncIterable<unknown>, call: StreamCall): Promise<void> => {
    const caller = identify(call)
    for await (const read of requests) {
      const request = read as GrpcInferRequest // as its codec decodes it
      try {
        const endpoint = findModel(fleet, caller.project, request.model_name)
        if (isLlm(endpoint)) await generate(caller, request, call)
        else call.write({ infer_response: await infer(caller, request, call) })
      } catch (error) {
        call.write({ error_message: toFailure(error).message, infer_response: { id: request.id } })
      }
    }
  }

  const methods = async (): Promise<Map<string, GrpcMethod>> => {
    const [service, health, inferCodec] = await Promise.all([
      loadInferenceProto(),
      loadHealthProto(),
      loadInferCodec(),
    ])
    const made = new Map<string, GrpcMethod>()
    for (const [name, definition] of Object.entries(service)) {
      const run = unary[name]
      if (run !== undefined)
        made.set(definition.path, {
          ...codecOf(definition),
          kind: 'unary',
          run: async (request, call) => run(identify(call), request as Named),
        })
      if (name === 'ModelInfer')
        made.set(definition.path, {
          ...inferCodec,
          kind: 'unary',
          run: async (request, call) => infer(identify(call), request as GrpcInferRequest, call),
        })
      if (name === 'ModelStreamInfer')
        made.set(definition.path, { ...codecOf(definition), kind: 'stream', run: stream })
    }
    // Open to everyone, as Kubernetes' probes have no key.
    const check = health['Check']
    if (check !== undefined)
      made.set(check.path, {
        ...codecOf(check),
        kind: 'unary',
        run: async () => ({ status: fleet.pending().length === 0 ? 'SERVING' : 'NOT_SERVING' }),
      })
    return made
  }

  return {
    name: 'grpc',
    get port() {
      return port
    },
    async start() {
      if (server !== null) return
      const made = createGrpcServer({
        methods: await methods(),
        maxMessageBytes: deps.maxBodyBytes,
        toFailure,
      })
      port = await made.listen(address)
      server = made
      deps.log.info({ port }, 'gRPC listens')
    },
    async stop(signal) {
      const running = server
      server = null
      await running?.stop(signal)
    },
  }
}

const codecOf = (definition: Grpc.MethodDefinition<unknown, unknown>): GrpcCodec => ({
  decode: definition.requestDeserialize,
  encode: definition.responseSerialize,
})

function requireOperator({ principal }: Caller): void {
  if (!mayAct(principal, 'operator'))
    throw fail('auth.forbidden', `This needs the role operator; the key has ${principal.role}`)
}

const orNull = (text: string): string | null => (text === '' ? null : text)

/** gRPC's codes for our HTTP statuses. https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  409: 9,
  413: 8,
  429: 8,
  499: 1,
  500: 13,
  503: 14,
  504: 4,
}
