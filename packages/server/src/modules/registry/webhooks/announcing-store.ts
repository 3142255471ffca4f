import type { KeyValue } from '../../tracking/index.ts'
import type { ModelRow, RegistryStore } from '../store.ts'
import type { WebhookNews } from './webhook-events.ts'

const IS_PROMPT = 'mlflow.prompt.is_prompt'

/** The registry's store, telling webhooks of what was written, before the write is acknowledged. Payloads are MLflow's (mlflow/webhooks/types.py). */
export function announcing(
  store: RegistryStore,
  tell: (project: string, news: WebhookNews) => Promise<void>
): RegistryStore {
  const isPrompt = (tags: readonly KeyValue[]) =>
    tags.some((tag) => tag.key === IS_PROMPT && tag.value.toLowerCase() === 'true')
  const kindOf = async (model: ModelRow) =>
    isPrompt(await store.modelTags(model)) ? 'prompt' : 'model'
  const objectOf = (tags: readonly KeyValue[]) =>
    Object.fromEntries(tags.map((tag) => [tag.key, tag.value]))

  const tellVersionTag = async (
    modelKey: number,
    action: 'SET' | 'DELETED',
    data: Readonly<Record<string, unknown>>
  ) => {
    const model = await store.findModelByKey(modelKey)
    if (model === undefined) return
    const entity = (await kindOf(model)) === 'prompt' ? 'PROMPT_VERSION_TAG' : 'MODEL_VERSION_TAG'
    await tell(model.project, { entity, action, data: { name: model.name, ...data } })
  }

  return {
    ...store,
    async insertModel(row, tags) {
      const isInserted = await store.insertModel(row, tags)
      if (isInserted)
        await tell(row.project, {
          entity: isPrompt(tags) ? 'PROMPT' : 'REGISTERED_MODEL',
          action: 'CREATED',
          data: { name: row.name, tags: objectOf(tags), description: row.description },
        })
      return isInserted
    },
    async insertVersion(model, version, parts) {
      const number = await store.insertVersion(model, version, parts)
      const tags = objectOf(parts.tags)
      const told = {
        name: model.name,
        version: String(number),
        tags,
        description: version.description,
      }
      await tell(
        model.project,
        (await kindOf(model)) === 'prompt'
          ? {
              entity: 'PROMPT_VERSION',
              action: 'CREATED',
              data: { ...told, template: tags['mlflow.prompt.text'] ?? '' },
            }
          : {
              entity: 'MODEL_VERSION',
              action: 'CREATED',
              data: { ...told, source: version.source, run_id: version.run_id },
            }
      )
      return number
    },
    async setModelTag(model, tag) {
      await store.setModelTag(model, tag)
      if ((await kindOf(model)) === 'prompt')
        await tell(model.project, {
          entity: 'PROMPT_TAG',
          action: 'SET',
          data: { name: model.name, ...tag },
        })
    },
    async deleteModelTag(model, key) {
      await store.deleteModelTag(model, key)
      if ((await kindOf(model)) === 'prompt')
        await tell(model.project, {
          entity: 'PROMPT_TAG',
          action: 'DELETED',
          data: { name: model.name, key },
        })
    },
    async setVersionTag(row, tag) {
      await store.setVersionTag(row, tag)
      await tellVersionTag(row.model_key, 'SET', { version: String(row.version), ...tag })
    },
    async deleteVersionTag(row, key) {
      await store.deleteVersionTag(row, key)
      await tellVersionTag(row.model_key, 'DELETED', { version: String(row.version), key })
    },
    async setAlias(model, alias, version) {
      await store.setAlias(model, alias, version)
      const entity = (await kindOf(model)) === 'prompt' ? 'PROMPT_ALIAS' : 'MODEL_VERSION_ALIAS'
      const data = {
        name: model.name,
        alias,
        ...(version === null ? {} : { version: String(version) }),
      }
      await tell(model.project, { entity, action: version === null ? 'DELETED' : 'CREATED', data })
    },
    async moveStage(row, move) {
      await store.moveStage(row, move)
      const model = await store.findModelByKey(row.model_key)
      if (model !== undefined)
        await tell(model.project, {
          entity: 'MODEL_VERSION_STAGE',
          action: 'CHANGED',
          data: {
            name: model.name,
            version: String(row.version),
            stage: move.stage,
            from_stage: row.stage,
          },
        })
    },
  }
}
