/** Prints the story as it happens: chapters, facts, and progress that overwrites itself on a terminal. */
export interface Teller {
  chapter(title: string): void
  say(text: string): void
  /** `done` of `total`, redrawn in place on a terminal, silent elsewhere. */
  progress(label: string, done: number, total: number): void
}

type Terminal = { isTTY?: boolean; write: (text: string) => unknown }

export function createTeller(terminal: Terminal, startedAt: number): Teller {
  let number = 0
  const isLive = terminal.isTTY === true
  const clear = (): void => {
    if (isLive) terminal.write('\r\u001b[K')
  }
  return {
    chapter(title) {
      clear()
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
      terminal.write(`\n${++number}. ${title}  [${seconds} s]\n`)
    },
    say(text) {
      clear()
      for (const line of text.split('\n')) terminal.write(`   ${line}\n`)
    },
    progress(label, done, total) {
      if (!isLive) return
      const cells = Math.round((24 * done) / Math.max(1, total))
      terminal.write(
        `\r\u001b[K   ${'█'.repeat(cells)}${'░'.repeat(24 - cells)} ${label} ${done}/${total}`
      )
    },
  }
}
