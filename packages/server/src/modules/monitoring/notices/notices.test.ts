import { beforeEach, expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { signatureOf, type Message } from '../alerts/message.ts'
import { createAlertStore, type ReceiverRow } from '../alerts/store.ts'
import { monitoringMigrations } from '../migrations/index.ts'
import type { MonitoringTables } from '../tables.ts'
import { createNotices, type Notice } from './notices.ts'
import { createNoticeStore } from './store.ts'

const AT = 1_795_459_200_000
const notice: Notice = {
  project: 'default',
  kind: 'rollout',
  severity: 'critical',
  subject: 'fraud',
  title: 'fraud: v2 is being taken back',
  text: 'error rate 9 % v 1 % <b>',
  link: '/rollouts/rol_1',
  details: { rollout: 'rol_1', phase: 'rolling-back' },
  at: AT,
}
const receiver = (name: string, kind: ReceiverRow['kind']): ReceiverRow => ({
  project: 'default',
  name,
  kind,
  url: `http://${name}.test/hook`,
  secret: kind === 'webhook' ? 'a-secret-of-sixteen' : null,
  created_at: AT,
})

onEveryDatabase([monitoringMigrations], (database) => {
  beforeEach(async () => {
    const db = database().as<MonitoringTables>()
    for (const table of ['notices', 'notice_deliveries', 'receivers'] as const)
      await db.deleteFrom(table).execute()
  })

  const setUp = async (failing: { times: number }) => {
    const clock = createManualClock(AT)
    const sent: Message[] = []
    const alertStore = createAlertStore(database())
    for (const one of [receiver('hook', 'webhook'), receiver('chat', 'slack')])
      await alertStore.putReceiver(one)
    const store = createNoticeStore(database())
    const notices = createNotices({
      store,
      receivers: (project) => alertStore.receivers(project),
      clock,
      send: async (message) => {
        if (message.url.includes('hook.test') && failing.times-- > 0)
          throw new Error('The receiver answered 503')
        sent.push(message)
      },
    })
    const turn = () => notices.deliverDue(AbortSignal.timeout(5_000))
    return { clock, sent, store, notices, turn }
  }

  test('every receiver is told in its own words, once, and the webhook is signed', async () => {
    const { clock, sent, store, notices, turn } = await setUp({ times: 0 })
    await notices.notify(notice)
    await turn()
    await turn()
    expect(sent).toHaveLength(2)
    const hook = sent.find(({ url }) => url.startsWith('http://hook.'))
    const seconds = Math.floor(clock.now() / 1_000)
    expect(hook?.headers['x-trestle-signature']).toBe(
      signatureOf('a-secret-of-sixteen', seconds, hook?.body ?? '')
    )
    expect(JSON.parse(hook?.body ?? '')).toMatchObject({
      version: 1,
      event: 'notice.rollout',
      notice: { subject: 'fraud', severity: 'critical', link: '/rollouts/rol_1', at: AT },
    })
    const chat = sent.find(({ url }) => url.startsWith('http://chat.'))
    expect(chat?.body).toContain('&lt;b&gt;')
    const [row] = await store.list({ project: 'default', limit: 10 })
    expect((await store.deliveriesOf([row?.id ?? ''])).map((d) => [d.state, d.attempts])).toEqual([
      ['delivered', 1],
      ['delivered', 1],
    ])
  })

  test('a receiver that is away is tried again with growing waits, under the same delivery, and one that stays away is recorded', async () => {
    const { clock, sent, store, notices, turn } = await setUp({ times: 2 })
    await notices.notify(notice)
    await turn()
    expect(sent).toHaveLength(1)
    clock.advance(4_000)
    await turn()
    expect(sent).toHaveLength(1)
    clock.advance(1_000)
    await turn()
    clock.advance(15_000)
    await turn()
    expect(sent).toHaveLength(2)
    const [row] = await store.list({ project: 'default', limit: 10 })
    const deliveries = await store.deliveriesOf([row?.id ?? ''])
    expect(deliveries.find((d) => d.receiver === 'hook')).toMatchObject({
      state: 'delivered',
      attempts: 3,
      last_error: null,
    })

    const gone = await setUp({ times: 1_000 })
    await gone.notices.notify({ ...notice, title: 'second' })
    for (let i = 0; i < 20; i++) {
      await gone.turn()
      gone.clock.advance(86_400_000)
    }
    const second = (await gone.store.list({ project: 'default', limit: 10 })).find(
      ({ title }) => title === 'second'
    )
    const failed = (await gone.store.deliveriesOf([second?.id ?? ''])).find(
      (d) => d.receiver === 'hook'
    )
    expect(failed).toMatchObject({
      state: 'failed',
      attempts: 10,
      last_error: 'The receiver answered 503',
    })
  })
})
