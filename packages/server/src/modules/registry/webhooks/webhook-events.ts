/** What a webhook may ask to hear of (mlflow/entities/webhook.py), written `MODEL_VERSION CREATED`. */
export const WEBHOOK_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  REGISTERED_MODEL: ['CREATED'],
  MODEL_VERSION: ['CREATED'],
  MODEL_VERSION_TAG: ['SET', 'DELETED'],
  MODEL_VERSION_ALIAS: ['CREATED', 'DELETED'],
  PROMPT: ['CREATED'],
  PROMPT_VERSION: ['CREATED'],
  PROMPT_TAG: ['SET', 'DELETED'],
  PROMPT_VERSION_TAG: ['SET', 'DELETED'],
  PROMPT_ALIAS: ['CREATED', 'DELETED'],
  // Not MLflow's: its own webhooks say nothing of stages.
  MODEL_VERSION_STAGE: ['CHANGED'],
}

export type WebhookEvent = Readonly<{ entity: string; action: string }>

/** Something that happened, with what its receivers are told of it. */
export type WebhookNews = WebhookEvent & Readonly<{ data: Readonly<Record<string, unknown>> }>

export const isWebhookEvent = ({ entity, action }: WebhookEvent): boolean =>
  Object.hasOwn(WEBHOOK_ACTIONS, entity) && WEBHOOK_ACTIONS[entity]?.includes(action) === true

export const eventName = ({ entity, action }: WebhookEvent): string => `${entity} ${action}`
