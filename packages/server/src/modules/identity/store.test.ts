import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../test/support/databases.ts'
import { identityMigrations } from './index.ts'
import { createIdentityStore } from './store.ts'

onEveryDatabase([identityMigrations], (database) => {
  test('a project name is taken once', async () => {
    const store = createIdentityStore(database())
    const project = { name: 'payments', description: '', created_at: 1 }
    expect(await Promise.all([store.insertProject(project), store.insertProject(project)])).toEqual(
      expect.arrayContaining([true, false])
    )
  })

  test('a revoked key is no longer listed, and is revoked once', async () => {
    const store = createIdentityStore(database())
    await store.insertKey({
      id: 'key_1',
      name: 'ci',
      role: 'operator',
      project: null,
      secret_hash: 'h1',
      prefix: 'trs_',
      created_at: 1_795_459_210_948,
      last_used_at: null,
      expires_at: null,
      revoked_at: null,
    })
    expect(await store.listKeys()).toMatchObject([{ id: 'key_1', created_at: 1_795_459_210_948 }])
    expect(await store.revokeKey('key_1', 2)).toBe(true)
    expect(await store.revokeKey('key_1', 3)).toBe(false)
    expect(await store.listKeys()).toEqual([])
  })

  test('the audit log pages from the newest back without gaps', async () => {
    const store = createIdentityStore(database())
    for (let i = 0; i < 5; i++) {
      await store.insertAudit({
        id: `aud_${i}`,
        at: i,
        actor: 'a',
        action: 'x',
        project: i % 2 === 0 ? 'p' : 'q',
        subject: '/',
        request_id: `r${i}`,
        status: 200,
      })
    }
    const first = await store.listAudit({ limit: 3, before: undefined, project: null })
    const second = await store.listAudit({ limit: 3, before: first.at(-1)?.id, project: null })
    expect([...first, ...second].map((row) => row.id)).toEqual([
      'aud_4',
      'aud_3',
      'aud_2',
      'aud_1',
      'aud_0',
    ])
    expect(
      (await store.listAudit({ limit: 9, before: undefined, project: 'q' })).map((row) => row.id)
    ).toEqual(['aud_3', 'aud_1'])
  })
})
