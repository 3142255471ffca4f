import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Component } from '../component.ts'

/**
 * Holds a data folder for one process. An SQLite lock, because the kernel frees it however the process ends, and Node has no lock call of its own.
 * `start` throws when another process holds the folder.
 */
export function createDataDirLock(dataDir: string): Component {
  let held: DatabaseSync | null = null
  return {
    name: 'data folder',
    async start() {
      if (held !== null) return
      mkdirSync(dataDir, { recursive: true })
      const file = new DatabaseSync(join(dataDir, 'lock'))
      try {
        file.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
      } catch (error) {
        file.close()
        throw new Error(
          `${dataDir} is in use by another Trestle. Stop it, or give this one its own --data folder.`,
          { cause: error }
        )
      }
      held = file
    },
    async stop() {
      held?.close()
      held = null
    },
  }
}
