import { createHash, randomUUID } from 'node:crypto'
import { access, copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BlobStore } from '../../platform/blobs/index.ts'
import { fail } from '../../platform/errors.ts'
import type { VersionFile } from './model-version.ts'

/** Versions as folders on the local disk, for engines that read paths and look for more files beside them. */
export interface VersionFolder {
  /** The local path of one file, with the version's other files beside it. Throws registry.version_not_found when it has no such file. */
  localFile(files: readonly VersionFile[], path: string): Promise<string>
  /** Removes the folders of other versions than these. */
  keepOnly(versions: readonly (readonly VersionFile[])[]): Promise<void>
}

/** Folders are named by what they hold and made by hard links: a version costs no second copy, and equal versions share one. */
export function createVersionFolder(deps: { blobs: BlobStore; root: string }): VersionFolder {
  const { blobs, root } = deps

  const build = async (files: readonly VersionFile[], target: string): Promise<void> => {
    const building = join(root, `building-${randomUUID()}`)
    try {
      for (const file of files) {
        const source = await blobs.localPath(file.digest)
        if (source === null) throw new Error(`The bytes of ${file.path} (${file.digest}) are gone`)
        const place = join(building, file.path)
        await mkdir(dirname(place), { recursive: true })
        await link(source, place).catch(() => copyFile(source, place)) // another disk has no hard links
      }
      // Another request may have built the same folder meanwhile; theirs is as good.
      await rename(building, target).catch(async (error: unknown) => {
        if (!(await exists(target))) throw error
      })
    } finally {
      await rm(building, { recursive: true, force: true })
    }
  }

  return {
    async localFile(files, path) {
      if (!files.some((file) => file.path === path))
        throw fail('registry.version_not_found', `The version has no file "${path}"`)
      const target = join(root, nameOf(files))
      if (!(await exists(target))) {
        await mkdir(root, { recursive: true })
        await build(files, target)
      }
      return join(target, path)
    },
    async keepOnly(versions) {
      const kept = new Set(versions.map(nameOf))
      for (const name of await readdir(root).catch(() => []))
        if (!kept.has(name) && !name.startsWith('building-'))
          await rm(join(root, name), { recursive: true, force: true })
    },
  }
}

const nameOf = (files: readonly VersionFile[]): string =>
  createHash('sha256')
    .update(
      files
        .map((file) => `${file.digest} ${file.path}`)
        .toSorted()
        .join('\n')
    )
    .digest('hex')

const exists = (path: string): Promise<boolean> =>
  access(path)
    .then(() => true)
    .catch(() => false)
