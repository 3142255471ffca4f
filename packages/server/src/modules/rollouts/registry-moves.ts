import type { Goal } from './goal.ts'
import type { ChampionPort } from './ports.ts'
import { CONTROLLER } from './recorder.ts'
import type { RegistryBefore, RolloutRecord } from './record.ts'
import type { RolloutStore } from './store.ts'

/** Runs one effect, unless another process has taken the endpoint over meanwhile. */
type Act = (effect: () => Promise<void>) => Promise<void>

/**
 * Moves the alias and the stage that a promotion is about, and puts both back on a return. What was there before is written down before the first
 * move, so that a restart between two moves still knows it. Every move may happen twice.
 */
export function createRegistryMoves(deps: {
  store: Pick<RolloutStore, 'saveRegistryBefore'>
  champion: ChampionPort
}): (rollout: RolloutRecord, goal: Goal['registry'], act: Act) => Promise<void> {
  const { store, champion } = deps

  const readBefore = async ({ project, spec }: RolloutRecord): Promise<RegistryBefore> => {
    const { model, promoteAlias: alias, promoteStage: stage } = spec
    const { name } = model
    const stages =
      stage === null
        ? []
        : [
            {
              version: model.version,
              stage: (await champion.resolve(project, `${name}/${model.version}`)).stage,
            },
            ...(spec.archiveOthers
              ? (await champion.versionsIn({ project, name, stage })).map((version) => ({
                  version,
                  stage,
                }))
              : []),
          ]
    return {
      alias:
        alias === null ? null : { version: await champion.aliasVersion({ project, name, alias }) },
      stages: stages.filter((one, i) => i === 0 || one.version !== model.version),
    }
  }

  return async (rollout, goal, act) => {
    const { project, spec } = rollout
    const { model, promoteAlias: alias, promoteStage: stage } = spec
    const { name } = model
    const by = `${CONTROLLER}:${rollout.id}`
    const setStage = (version: number, to: RegistryBefore['stages'][number]['stage']) =>
      act(() => champion.setStage({ project, name, version, stage: to, by }))
    if (goal === 'untouched' || (alias === null && stage === null)) return
    if (goal === 'before') {
      const before = rollout.registryBefore
      if (before === null) return
      const { alias: old } = before
      if (alias !== null && old !== null)
        await act(() => champion.setAlias({ project, name, alias, version: old.version, by }))
      for (const one of before.stages) await setStage(one.version, one.stage)
      return
    }
    const before = rollout.registryBefore ?? (await readBefore(rollout))
    const isAliasMoved =
      alias === null || (await champion.aliasVersion({ project, name, alias })) === model.version
    const isStageMoved =
      stage === null ||
      (await champion.resolve(project, `${name}/${model.version}`)).stage === stage
    if (isAliasMoved && isStageMoved) return
    if (rollout.registryBefore === null) await store.saveRegistryBefore(rollout.id, before)
    if (!isAliasMoved)
      await act(() => champion.setAlias({ project, name, alias, version: model.version, by }))
    if (isStageMoved) return
    for (const { version } of before.stages.slice(1)) await setStage(version, 'Archived')
    // Last, so that a death between two moves is seen as "not moved" and all are done again.
    await setStage(model.version, stage)
  }
}
