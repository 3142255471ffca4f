import type { EventRow } from './store.ts'

const KINDS = [
  'version.created',
  'version.deleted',
  'alias.moved',
  'alias.removed',
  'stage.changed',
] as const
export type HistoryKind = (typeof KINDS)[number]

export const kindOf = (text: string): HistoryKind =>
  KINDS.find((kind) => kind === text) ?? 'version.created'

/** Which version had which alias, and which were in which stage, after these events. */
export type Holders = Readonly<{
  aliases: Readonly<Record<string, number>>
  stages: Readonly<Record<string, readonly number[]>>
}>

/** Reads the holders off the history, oldest first. */
export function holdersAfter(events: readonly EventRow[]): Holders {
  const aliases = new Map<string, number>()
  const stages = new Map<number, string>()
  for (const event of events) {
    const alias = event.alias ?? ''
    switch (kindOf(event.kind)) {
      case 'version.created':
        stages.set(event.version, 'None')
        break
      case 'version.deleted':
        stages.delete(event.version)
        for (const [name, version] of aliases) if (version === event.version) aliases.delete(name)
        break
      case 'alias.moved':
        aliases.set(alias, event.version)
        break
      case 'alias.removed':
        aliases.delete(alias)
        break
      case 'stage.changed':
        stages.set(event.version, event.stage ?? 'None')
        break
    }
  }
  const byStage = Map.groupBy([...stages.keys()], (version) => stages.get(version) ?? 'None')
  return { aliases: Object.fromEntries(aliases), stages: Object.fromEntries(byStage) }
}
