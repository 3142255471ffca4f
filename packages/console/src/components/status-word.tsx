export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'idle'

/** A state as a colour and a word: never a colour alone. */
export function StatusWord(props: { tone: Tone; word: string; isLive?: boolean }) {
  return (
    <span
      className="status"
      data-tone={props.tone}
      data-live={props.isLive === true ? '' : undefined}
    >
      {props.word}
    </span>
  )
}

/** A short fact beside a name: an alias, a stage, a role. */
export function Tag(props: { tone?: Tone; children: React.ReactNode }) {
  return (
    <span className="tag" data-tone={props.tone}>
      {props.children}
    </span>
  )
}
