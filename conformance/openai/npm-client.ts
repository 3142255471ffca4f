import assert from 'node:assert/strict'
import OpenAI from 'openai'
import type { Count } from '../lib/script.ts'

const WORDS = 'Grüße aus 東京! Zeile\nzwei 🚀 \u2028 end.'

/** OpenAI's npm client against both base addresses. */
export async function checkNpmClient(
  { url, secret }: { url: string; secret: string },
  seen: { cut: number }
): Promise<Count> {
  const count: Count = { passed: 0, failed: 0 }
  const check = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
      count.passed++
      console.log(`ok: npm ${name}`)
    } catch (error) {
      count.failed++
      console.log(`FAILED: npm ${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  for (const base of ['/v1', '/openai/v1']) {
    const client = new OpenAI({ baseURL: `${url}${base}`, apiKey: secret, maxRetries: 0 })
    const messages = [{ role: 'user' as const, content: 'Hi' }]
    await check(`${base} chat completion`, async () => {
      const answer = await client.chat.completions.create({ model: 'chat', messages })
      assert.equal(answer.choices[0]?.message.content, 'Hello.')
      assert.equal(answer.usage?.total_tokens, 15)
      assert.match(answer._request_id ?? '', /^req_/)
    })
    await check(`${base} stream`, async () => {
      let text = ''
      const stream = await client.chat.completions.create({ model: 'chat', messages, stream: true })
      for await (const chunk of stream) {
        assert.equal(
          chunk.choices.length,
          1,
          'a client that did not ask for usage gets no chunk without choices'
        )
        text += chunk.choices[0]?.delta.content ?? ''
      }
      assert.equal(text, WORDS)
    })
    await check(`${base} stream with usage`, async () => {
      const stream = await client.chat.completions.create({
        model: 'chat',
        messages,
        stream: true,
        stream_options: { include_usage: true },
      })
      let total = 0
      for await (const chunk of stream) total = chunk.usage?.total_tokens ?? total
      assert.equal(total, 1258)
    })
    await check(`${base} tools, helper of the client`, async () => {
      const stream = client.chat.completions.stream({
        model: 'chat',
        messages,
        tools: [
          { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } },
        ],
      })
      const final = await stream.finalChatCompletion()
      const call = final.choices[0]?.message.tool_calls?.[0]
      assert.equal(call?.type === 'function' ? call.function.arguments : '', '{"city":"Paris"}')
    })
    await check(`${base} embeddings, base64 underneath`, async () => {
      const answer = await client.embeddings.create({ model: 'chat', input: ['a', 'b'] })
      assert.deepEqual(
        answer.data.map(({ embedding }) => embedding),
        [
          [0.25, -0.5, 0.125],
          [0.25, -0.5, 0.125],
        ]
      )
    })
    await check(`${base} responses`, async () => {
      const answer = await client.responses.create({ model: 'chat', input: 'Hi' })
      assert.equal(answer.output_text, WORDS)
      let text = ''
      for await (const event of await client.responses.create({
        model: 'chat',
        input: 'Hi',
        stream: true,
      }))
        if (event.type === 'response.output_text.delta') text += event.delta
      assert.equal(text, WORDS)
    })
    await check(`${base} models`, async () => {
      const ids: string[] = []
      for await (const model of client.models.list()) ids.push(model.id)
      assert.deepEqual(ids.toSorted(), ['chat', 'claude'])
      assert.equal((await client.models.retrieve('chat')).object, 'model')
    })
    await check(`${base} errors are of the client's own classes`, async () => {
      await assert.rejects(
        client.chat.completions.create({ model: 'none', messages }),
        OpenAI.NotFoundError
      )
      await assert.rejects(
        client.chat.completions.create({
          model: 'chat',
          messages: [{ role: 'user', content: 'raise 400' }],
        }),
        (error: unknown) =>
          error instanceof OpenAI.BadRequestError &&
          error.code === 'invalid_value' &&
          error.param === 'temperature'
      )
      const broke = client.chat.completions.create(
        { model: 'chat', messages },
        { headers: { 'x-trestle-tag': 'broke' }, maxRetries: 2 }
      )
      const begun = Date.now()
      await assert.rejects(
        broke,
        (error: unknown) =>
          error instanceof OpenAI.RateLimitError && error.code === 'insufficient_quota'
      )
      assert.ok(Date.now() - begun < 400, 'a spent budget is not tried again')
    })
    await check(`${base} leaving a stream cancels it upstream`, async () => {
      const before = seen.cut
      const stream = await client.chat.completions.create({
        model: 'chat',
        messages: [{ role: 'user', content: 'drip' }],
        stream: true,
      })
      let chunks = 0
      for await (const _chunk of stream) if (++chunks === 3) break
      for (let i = 0; i < 50 && seen.cut === before; i++)
        await new Promise((resolve) => setTimeout(resolve, 20))
      assert.equal(seen.cut, before + 1)
    })
  }
  return count
}
