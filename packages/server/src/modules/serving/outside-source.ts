import type { GraphSpec, RemoteSpec, ScriptSpec } from '@trestle/contract'

/** What serves a variant other than a registered version or an LLM: as stored, one of them is not null. */
export type OutsideFields = Readonly<{
  /** Of a model on another server: where it is. */
  remote: RemoteSpec | null
  /** Of a model written as code. */
  script: ScriptSpec | null
  /** Of several endpoints as one. */
  graph: GraphSpec | null
}>

export type OutsideSource = Readonly<
  | { kind: 'remote'; remote: RemoteSpec }
  | { kind: 'script'; script: ScriptSpec }
  | { kind: 'graph'; graph: GraphSpec }
>

export type OutsideInput = { readonly [K in keyof OutsideFields]?: OutsideFields[K] | undefined }

export const NO_OUTSIDE: OutsideFields = { remote: null, script: null, graph: null }

/** The fields as one source; null when none is given. Endpoints stored earlier lack some of the fields. */
export function outsideOf({ remote, script, graph }: OutsideInput): OutsideSource | null {
  if (remote != null) return { kind: 'remote', remote }
  if (script != null) return { kind: 'script', script }
  return graph == null ? null : { kind: 'graph', graph }
}

/** A source as the fields that are stored and shown. */
export function outsideFields(source: OutsideSource | null): OutsideFields {
  return source === null ? NO_OUTSIDE : { ...NO_OUTSIDE, ...fieldOf(source) }
}

function fieldOf(source: OutsideSource): Partial<OutsideFields> {
  switch (source.kind) {
    case 'remote':
      return { remote: source.remote }
    case 'script':
      return { script: source.script }
    case 'graph':
      return { graph: source.graph }
  }
}

/** What a variant of this source is called in the log: its name elsewhere, since it has none in our registry. */
export function outsideName(source: OutsideSource): string {
  switch (source.kind) {
    case 'remote':
      return source.remote.model ?? new URL(source.remote.url).host
    case 'script':
      return source.script.name
    case 'graph':
      return source.graph.kind
  }
}
