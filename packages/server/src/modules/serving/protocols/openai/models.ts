import type { LiveEndpoint } from '../../fleet.ts'

/** Whether an endpoint answers LLM calls. */
export const isLlm = ({ variants }: LiveEndpoint): boolean =>
  [...variants.values()].some(({ llm }) => llm !== null)

/** An endpoint as OpenAI's API lists models. */
export const toModel = ({ stored }: LiveEndpoint) => ({
  id: stored.name,
  object: 'model',
  created: Math.floor(stored.createdAt / 1_000),
  owned_by: 'trestle',
})
