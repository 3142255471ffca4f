import type { FastifyInstance } from 'fastify'
import type { DataPlane } from '../data-plane.ts'
import type { Clock } from '../../../kernel/clock.ts'
import type { EndpointControl } from '../endpoint-control.ts'
import type { Fleet } from '../fleet.ts'
import type { LlmGateway } from '../llm/gateway.ts'
import { addAnthropic } from './anthropic/routes.ts'
import { addExplain } from './explain.ts'
import { addHostedContainers } from './hosted.ts'
import type { HostedSettings } from './hosted-settings.ts'
import { addKserveV1 } from './kserve-v1.ts'
import { addMlflowScoring } from './mlflow.ts'
import { addInferStream } from './oip/infer-stream.ts'
import { addOipRest } from './oip/routes.ts'
import { addOpenAi } from './openai/routes.ts'
import { addPlainJson } from './plain-json.ts'
import { addTorchServe } from './torchserve.ts'

/** Every HTTP protocol that predictions come by. */
export function addProtocols(
  app: FastifyInstance,
  deps: {
    dataPlane: DataPlane
    fleet: Fleet
    control: EndpointControl
    gateway: LlmGateway
    clock: Clock
    maxBodyBytes: number
    maxBatchRows: number
    maxQueued: number
    timeoutMs: number
    hosted: HostedSettings
    version: string
  }
): void {
  addPlainJson(app, deps)
  addOipRest(app, deps)
  addInferStream(app, deps)
  addMlflowScoring(app, deps)
  addKserveV1(app, deps)
  addExplain(app, deps)
  addTorchServe(app, deps)
  addHostedContainers(app, deps)
  addOpenAi(app, deps)
  addAnthropic(app, deps)
}
