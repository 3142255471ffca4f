import { expect, test } from 'vitest'
import { isPrivateAddress } from './private-addresses.ts'
import { createSender } from './sender.ts'

test('addresses inside a network are known, also when they are dressed as IPv6', () => {
  for (const inside of [
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::ffff:10.0.0.1',
    'fd00::1',
    'fe80::1',
    '64:ff9b::a00:1',
  ])
    expect(isPrivateAddress(inside), inside).toBe(true)
  for (const outside of ['8.8.8.8', '172.32.0.1', '2606:4700::1111'])
    expect(isPrivateAddress(outside), outside).toBe(false)
})

test('where others can reach the server, no webhook reaches inside', async () => {
  const send = createSender({ allowPrivate: false })
  for (const url of [
    'http://127.0.0.1:1/',
    'http://localhost:1/',
    'http://[::1]:1/',
    'http://2130706433/',
  ])
    expect(
      await send(
        { url, secret: null },
        { id: 'i', body: '{}' },
        { now: 0, signal: AbortSignal.timeout(5_000) }
      )
    ).toMatchObject({
      status: null,
      error: expect.stringContaining('public') as string,
    })
})
