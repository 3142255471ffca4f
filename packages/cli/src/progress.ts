const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const WIDTH = 24

export interface Progress {
  /** What is being done, and how far it is (0 to 1) when that is known. */
  update(text: string, share?: number | null): void
  /** Takes the line away until its next frame, so that something else can be printed in its place. */
  clear(): void
  /** Takes the line away for good. */
  end(): void
}

/** A moving line on standard error, and nothing at all when that is no terminal: logs and pipes stay clean. */
export function startProgress(text: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY)
    return { update: () => undefined, clear: () => undefined, end: () => undefined }
  let shown: { text: string; share: number | null } = { text, share: null }
  let tick = 0
  const draw = (): void => {
    const frame = FRAMES[tick++ % FRAMES.length] ?? ''
    const line = `${frame} ${shown.share === null ? '' : `${bar(shown.share)} `}${shown.text}`
    const width = stream.columns === 0 ? 80 : stream.columns // some terminals do not say
    stream.write(`\r\u001b[2K${line.slice(0, width - 1)}`)
  }
  const clear = (): void => void stream.write('\r\u001b[2K')
  draw()
  const timer = setInterval(draw, 80)
  timer.unref()
  return {
    update: (now, share = null) => {
      shown = { text: now, share }
    },
    clear,
    end: () => {
      clearInterval(timer)
      clear()
    },
  }
}

/** Shows `text` while `work` is under way. */
export async function withProgress<T>(
  text: string,
  work: (progress: Progress) => Promise<T>
): Promise<T> {
  const progress = startProgress(text)
  try {
    return await work(progress)
  } finally {
    progress.end()
  }
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${Math.round(share * 100)}%`
}
