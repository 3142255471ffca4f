import { openAsBlob } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@trestle/sdk'
import { expect, test, vi } from 'vitest'
import { sampleEvent } from '../../src/modules/monitoring/test/sample-event.ts'
import type { InferenceCompleted } from '../../src/modules/serving/index.ts'
import { createDuckDb } from '../../src/platform/duckdb/index.ts'
import { createTopic } from '../../src/platform/events/topic.ts'
import { startTestApp } from '../support/app.ts'

test('a file of labels finds its predictions, says which rows are none, and changes nothing when it is sent again', async () => {
  const completed = createTopic<InferenceCompleted>('completed', (error) => {
    throw error
  })
  const app = await startTestApp({}, { completed })
  try {
    const client = createClient({ url: app.url })
    for (let i = 0; i < 3_000; i++)
      completed.publish(sampleEvent({ predictionId: `00${i}`, at: Date.now() - 60_000 + i }))
    await vi.waitFor(async () => {
      expect((await client.monitoring.getLogState()).pending).toBe(0)
    })
    const duckdb = createDuckDb({
      temporaryDir: join(app.dataDir, 'tmp', 'test'),
      memoryLimit: '256MB',
      threads: 1,
    })
    const parquet = join(app.dataDir, 'labels.parquet')
    await duckdb.run(
      `COPY (SELECT '00' || i AS pid, CASE WHEN i = 7 THEN NULL ELSE i % 2 END AS truth, TIMESTAMP '2026-11-01 00:00:00' AS at
         FROM range(3010) t(i)) TO '${parquet}' (FORMAT parquet)`
    )
    await duckdb.stop()
    const query = {
      format: 'parquet',
      idColumn: 'pid',
      labelColumn: 'truth',
      atColumn: 'at',
    } as const
    const file = await openAsBlob(parquet)
    const told = {
      ...{ accepted: 3_009, changed: 0, joined: 2_999, unknown: 10 },
      ...{ bad: 1, badRows: [{ row: 8, reason: 'no label' }] },
    }
    expect(await client.importLabels(file, query)).toEqual({ ...told, unchanged: 0 })
    expect(await client.importLabels(file, query)).toEqual({ ...told, unchanged: 3_009 })
    expect(await client.monitoring.getLabel({ predictionId: '0011' })).toMatchObject({
      ...{ value: 1, at: Date.UTC(2026, 10, 1), isJoined: true },
    })
    const { items } = await client.monitoring.getLabelCoverage({ endpoint: 'fraud' })
    expect(items).toMatchObject([{ predictions: 3_000, labelled: 2_999 }])

    const csv = new Blob([
      'prediction_id,label,at\n0012,1,2026-11-02T00:00:00Z\n007,yes,1793577600000\n,1,\n0013,true,soon\n0014,,\n0015,1,1,1,1\n',
    ])
    expect(await client.importLabels(csv, { format: 'csv', atColumn: 'at' })).toEqual({
      ...{ accepted: 2, changed: 1, unchanged: 0, joined: 2, unknown: 0, bad: 4 },
      badRows: [
        { row: 3, reason: 'no prediction id' },
        { row: 4, reason: 'a time that is none' },
        { row: 5, reason: 'no label' },
        { row: 6, reason: expect.stringMatching(/columns/i) as string },
      ],
    })
    expect(await client.monitoring.getLabel({ predictionId: '007' })).toMatchObject({
      value: 'yes',
      at: 1_793_577_600_000,
    })
    await expect(
      client.importLabels(csv, { format: 'csv', labelColumn: 'truth' })
    ).rejects.toMatchObject({ code: 'request.invalid', message: /no column "truth"/ })
    await expect(client.importLabels(csv, { format: 'parquet' })).rejects.toMatchObject({
      code: 'request.invalid',
    })
  } finally {
    await app.stop()
  }
})
