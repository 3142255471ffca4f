import { expect, test } from 'vitest'
import { createClient } from './client.ts'
import { TrestleError } from './errors.ts'

type Sent = { url: string; method: string; headers: Record<string, string>; body: unknown }

function recording(answer: () => Response) {
  const sent: Sent[] = []
  const fake: typeof fetch = async (url, init) => {
    sent.push({
      url: new Request(url).url,
      method: init?.method ?? 'GET',
      headers: init?.headers as Record<string, string>,
      body: typeof init?.body === 'string' ? JSON.parse(init.body) : undefined,
    })
    return answer()
  }
  return { sent, fake }
}

const json =
  (value: unknown, status = 200) =>
  () =>
    new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } })

test('a flat input is taken apart into path, query and body', async () => {
  const { sent, fake } = recording(json({ items: [], nextPageToken: null }))
  const client = createClient({ url: 'http://t/', fetch: fake, apiKey: 'k', project: 'p' })
  await client.identity.revokeKey({ id: 'a/b' })
  await client.identity.listAudit({ limit: 5 })
  await client.identity.createProject({ name: 'x' })
  expect(sent).toMatchObject([
    { url: 'http://t/api/keys/a%2Fb', method: 'DELETE', body: undefined },
    { url: 'http://t/api/audit?limit=5', method: 'GET' },
    { url: 'http://t/api/projects', method: 'POST', body: { name: 'x' } },
  ])
  expect(sent[0]?.headers).toMatchObject({ authorization: 'Bearer k', 'x-trestle-project': 'p' })
})

test('a problem becomes a TrestleError with its code, request id and whether to try again', async () => {
  const { fake } = recording(
    json(
      {
        type: 't',
        title: 't',
        status: 503,
        detail: 'queue full',
        code: 'serving.overloaded',
        requestId: 'req_1',
      },
      503
    )
  )
  const error: unknown = await createClient({ url: 'http://t', fetch: fake })
    .identity.whoAmI()
    .catch((e: unknown) => e)
  expect(error).toBeInstanceOf(TrestleError)
  expect(error).toMatchObject({
    code: 'serving.overloaded',
    status: 503,
    requestId: 'req_1',
    retryable: true,
    message: 'queue full',
  })
})

test('a server that is not there is said to be not there', async () => {
  const error: unknown = await createClient({ url: 'http://127.0.0.1:1' })
    .identity.whoAmI()
    .catch((e: unknown) => e)
  expect(error).toMatchObject({ code: 'network', retryable: true })
  expect(String(error)).toContain('http://127.0.0.1:1 did not answer')
})

test('an answer that is no problem document still says what came', async () => {
  const { fake } = recording(() => new Response('<html>bad gateway</html>', { status: 502 }))
  await expect(
    createClient({ url: 'http://t', fetch: fake }).identity.whoAmI()
  ).rejects.toMatchObject({ status: 502, message: '<html>bad gateway</html>' })
})
