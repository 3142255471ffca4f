import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { receiverInput } from '@trestle/contract'
import { SMTPServer } from 'smtp-server'
import { afterEach, expect, test } from 'vitest'
import { noticeMessage } from '../notices/message.ts'
import type { NoticeRow } from '../notices/store.ts'
import { toMessage } from './message.ts'
import { toReceiverRow } from './receiver.ts'
import { send } from './send.ts'
import type { AlertRow } from './store.ts'

const AT = 1_795_459_200_000
const ROUTING_KEY = 'r0123456789abcdef0123456789abcdef'.slice(1)
const alert: AlertRow = {
  id: 'alr_1',
  project: 'default',
  fingerprint: 'f00d',
  kind: 'quality',
  severity: 'page',
  state: 'firing',
  endpoint: 'fraud',
  monitor: 'inputs',
  title: 'Worse predictions on fraud\r\nBcc: eve@example.org',
  summary: 'The error rate is 0.3, was 0.1.',
  columns_json: '["amount"]',
  report_id: 'drift_1',
  starts_at: AT,
  last_seen_at: AT,
  ends_at: null,
}
const notice: NoticeRow = {
  id: 'not_1',
  project: 'default',
  kind: 'rollout',
  severity: 'critical',
  subject: 'fraud',
  title: 'fraud: v2 is being taken back',
  text: 'error rate 9 % v 1 %',
  link: '/rollouts/rol_1',
  details_json: '{"phase":"rolling-back"}',
  at: AT,
}
const about = { project: 'default', createdAt: AT }
const row = (input: unknown) => toReceiverRow(receiverInput.parse(input), about)
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})
const soon = () => AbortSignal.timeout(5_000)

/** Takes events as PagerDuty does: 202, or 400 to what its API would refuse. */
async function pagerDuty() {
  const events: { path: string; body: Record<string, unknown> }[] = []
  const server = createServer((request, response) => {
    void text(request).then((json) => {
      const body = JSON.parse(json) as Record<string, unknown>
      events.push({ path: request.url ?? '', body })
      response.writeHead(body['routing_key'] === ROUTING_KEY ? 202 : 400).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return { events, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/enqueue` }
}

async function mailServer(password: string) {
  const mails: { from: string; to: string[]; text: string }[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth(auth, _session, done) {
      if (auth.password === password) done(null, { user: auth.username })
      else done(new Error('no'))
    },
    onData(stream, session, done) {
      void text(stream).then((body) => {
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: body,
        })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  closing.push(() => {
    server.close()
  })
  return { mails, host: `127.0.0.1:${(server.server.address() as AddressInfo).port}` }
}

test('PagerDuty is told once per trouble: firing triggers and its end resolves the same incident', async () => {
  const { events, url } = await pagerDuty()
  const receiver = row({ name: 'pd', kind: 'pagerduty', url, secret: ROUTING_KEY })
  for (const event of ['firing', 'firing', 'resolved'] as const)
    await send(toMessage(receiver, alert, { event, now: AT, deliveryId: 'dlv_1' }), soon())
  expect(events.map(({ body }) => [body['event_action'], body['dedup_key']])).toEqual([
    ['trigger', 'trestle-f00d'],
    ['trigger', 'trestle-f00d'],
    ['resolve', 'trestle-f00d'],
  ])
  expect(events[0]?.body['payload']).toMatchObject({
    severity: 'critical',
    source: 'fraud',
    timestamp: new Date(AT).toISOString(),
    custom_details: { columns: ['amount'], report: 'drift_1' },
  })
  const wrong = { ...receiver, secret: 'another' }
  await expect(
    send(toMessage(wrong, alert, { event: 'firing', now: AT, deliveryId: 'd' }), soon())
  ).rejects.toThrow('The receiver answered 400')
})

test('a notice that is no trouble is a change event of PagerDuty and wakes nobody', async () => {
  const { events, url } = await pagerDuty()
  const receiver = row({ name: 'pd', kind: 'pagerduty', url, secret: ROUTING_KEY })
  const occasion = { now: AT, deliveryId: 'ndl_1' }
  await send(noticeMessage(receiver, notice, occasion), soon())
  await send(noticeMessage(receiver, { ...notice, severity: 'info' }, occasion), soon())
  expect(events.map(({ path }) => path)).toEqual(['/v2/enqueue', '/v2/change/enqueue'])
  expect(events[0]?.body).toMatchObject({ event_action: 'trigger', dedup_key: 'trestle-not_1' })
  expect(events[1]?.body).not.toHaveProperty('event_action')
})

test('an e-mail arrives at every addressee with its login, and a title cannot add a header', async () => {
  const { mails, host } = await mailServer('s3cret')
  const mail = { from: 'trestle@example.org', to: ['ann@example.org', 'bob@example.org'] }
  const input = { name: 'mail', kind: 'email', url: `smtp://trestle@${host}`, mail }
  const receiver = row({ ...input, secret: 's3cret' })
  const occasion = { event: 'firing' as const, now: AT, deliveryId: 'dlv_1' }
  await send(toMessage(receiver, alert, occasion), soon())
  await send(noticeMessage(receiver, notice, occasion), soon())
  expect(mails.map(({ from, to }) => [from, to])).toEqual([
    [mail.from, mail.to],
    [mail.from, mail.to],
  ])
  expect(mails[0]?.text).toContain(
    'Subject: [firing] Worse predictions on fraud Bcc: eve@example.org'
  )
  expect(mails[0]?.text).toContain('Message-ID: <dlv_1@example.org>')
  expect(mails[0]?.text).toContain('The error rate is 0.3, was 0.1.')
  expect(mails[0]?.text).not.toMatch(/^Bcc:/m)
  expect(mails[1]?.text).toContain('Look: /rollouts/rol_1')
  await expect(
    send(toMessage(row({ ...input, secret: 'wrong' }), alert, occasion), soon())
  ).rejects.toThrow(/login|535/i)
})

test('a receiver that could not be reached as its kind is gets refused, saying what is missing', () => {
  const mail = { from: 'a@example.org', to: ['b@example.org'] }
  for (const [input, what] of [
    [{ kind: 'webhook' }, 'url: say where'],
    [{ kind: 'webhook', url: 'smtp://host' }, 'url: not http'],
    [{ kind: 'webhook', url: 'http://host', secret: 'short' }, 'secret: at least 16'],
    [{ kind: 'slack', url: 'http://host', mail }, 'mail: only for'],
    [{ kind: 'pagerduty' }, 'secret: the routing key'],
    [{ kind: 'email', url: 'http://host', mail }, 'url: e-mail goes to smtp'],
    [{ kind: 'email', url: 'smtp://host' }, 'mail: say who'],
    [{ kind: 'email', url: 'smtp://u:pw@host', mail, secret: 'x' }, 'url: put the password'],
    [{ kind: 'email', url: 'smtp://u@host', mail }, 'secret: the password'],
  ] as const)
    expect(() => row({ name: 'r', ...input }), what).toThrow(what)
  expect(row({ name: 'r', kind: 'pagerduty', secret: ROUTING_KEY }).url).toBe(
    'https://events.pagerduty.com/v2/enqueue'
  )
})
