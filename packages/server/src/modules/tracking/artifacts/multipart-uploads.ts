import type { Clock } from '../../../kernel/clock.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import type { BlobStore, Digest } from '../../../platform/blobs/index.ts'
import type { Database } from '../../../platform/database/index.ts'
import { doesNotExist, invalidParameter } from '../mlflow/mlflow-error.ts'
import type { TrackingTables } from '../tables.ts'
import { cleanPath } from './artifact-path.ts'
import type { Artifacts } from './artifacts.ts'

const MAX_PARTS = 10_000 // S3's bound, which MLflow's clients keep to

/** A large file in parts that come in any order, at the same time. The file appears, whole, when the upload is completed. */
export interface MultipartUploads {
  create(given: { project: string; path: string; parts: number }): Promise<{ uploadId: string }>
  /** Takes one part, or takes it again. Returns its digest, which stands as its entity tag. */
  putPart(part: {
    uploadId: string
    number: number
    bytes: AsyncIterable<Uint8Array>
  }): Promise<Digest>
  /** Joins the parts in the order of their numbers. Throws when one is missing, or is not the one that was acknowledged. */
  complete(given: {
    project: string
    uploadId: string
    parts: readonly { number: number; etag: string }[]
  }): Promise<void>
  abort(project: string, uploadId: string): Promise<void>
}

export function createMultipartUploads(deps: {
  database: Database
  blobs: BlobStore
  artifacts: Artifacts
  clock: Clock
}): MultipartUploads {
  const db = deps.database.as<TrackingTables>()
  const { blobs, artifacts, clock } = deps

  const find = async (uploadId: string) => {
    const upload = await db
      .selectFrom('artifact_uploads')
      .selectAll()
      .where('upload_id', '=', uploadId)
      .executeTakeFirst()
    if (upload === undefined) throw doesNotExist('No such multipart upload')
    return upload
  }

  const findOwn = async (project: string, uploadId: string) => {
    const upload = await find(uploadId)
    if (upload.project !== project) throw doesNotExist('No such multipart upload')
    return upload
  }

  const forget = async (uploadId: string): Promise<void> => {
    await db.transaction().execute(async (tx) => {
      await tx.deleteFrom('artifact_upload_parts').where('upload_id', '=', uploadId).execute()
      await tx.deleteFrom('artifact_uploads').where('upload_id', '=', uploadId).execute()
    })
  }

  async function* joined(digests: readonly Digest[]): AsyncIterable<Uint8Array> {
    for (const digest of digests) {
      const opened = await blobs.open(digest)
      if (opened === null) throw new Error(`Part ${digest} is gone`)
      for await (const chunk of opened.stream) yield chunk as Uint8Array // a file stream without encoding gives buffers
    }
  }

  return {
    async create({ project, path, parts }) {
      if (parts < 1 || parts > MAX_PARTS)
        throw invalidParameter(`An upload has between 1 and ${MAX_PARTS} parts, not ${parts}`)
      const uploadId = randomHexId()
      await db
        .insertInto('artifact_uploads')
        .values({ upload_id: uploadId, project, path: cleanPath(path), created_at: clock.now() })
        .execute()
      return { uploadId }
    },
    async putPart({ uploadId, number, bytes }) {
      await find(uploadId)
      const { digest, size } = await blobs.put(bytes)
      await db
        .insertInto('artifact_upload_parts')
        .values({ upload_id: uploadId, part_number: number, digest, size })
        .onConflict((c) => c.columns(['upload_id', 'part_number']).doUpdateSet({ digest, size }))
        .execute()
      return digest
    },
    async complete({ project, uploadId, parts }) {
      const upload = await findOwn(project, uploadId)
      const stored = await db
        .selectFrom('artifact_upload_parts')
        .select(['part_number', 'digest'])
        .where('upload_id', '=', uploadId)
        .execute()
      const byNumber = new Map(stored.map((part) => [part.part_number, part.digest]))
      const digests = parts
        .toSorted((a, b) => a.number - b.number)
        .map(({ number, etag }) => {
          const digest = byNumber.get(number)
          if (digest === undefined || etag.replaceAll('"', '') !== digest)
            throw invalidParameter(`Part ${number} was not uploaded, or not with this ETag`)
          return digest
        })
      if (digests.length === 0) throw invalidParameter('An upload has at least one part')
      await artifacts.write(project, upload.path, joined(digests))
      await forget(uploadId)
    },
    async abort(project, uploadId) {
      await findOwn(project, uploadId)
      await forget(uploadId)
    },
  }
}
