import { open, readFile, rename } from 'node:fs/promises'
import type { ArmsState } from './arms.ts'

/** The counts of every arm up to and with one place of the log. */
export type Checkpoint = Readonly<{ logId: string; sequence: number; state: ArmsState }>

/** Raised with every change of what is counted: a checkpoint of another format is not read. */
const FORMAT = 3

/** Reads a checkpoint of this log; null when there is none, or it is of another log or format, or unreadable: the log is then counted anew as far as it reaches. */
export async function readCheckpoint(path: string, logId: string): Promise<Checkpoint | null> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    const checkpoint = JSON.parse(text) as Checkpoint & { format?: number } // written below
    return checkpoint.logId === logId && checkpoint.format === FORMAT ? checkpoint : null
  } catch {
    return null
  }
}

/** Replaces the checkpoint: the old one or the new one is there, never half of one. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const file = await open(`${path}.part`, 'w')
  try {
    await file.writeFile(JSON.stringify({ format: FORMAT, ...checkpoint }))
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.part`, path)
}
