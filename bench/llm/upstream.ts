/** A model server that answers at once, so that what is measured is the gateway: a 1 KB completion, a stream of 200 chunks, or one that drips. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const usage = { prompt_tokens: 12, completion_tokens: 200, total_tokens: 212 }
const base = { id: 'chatcmpl-1', created: 1_764_230_000, model: 'gpt-4o-mini' }
const whole = JSON.stringify({
  ...base,
  object: 'chat.completion',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'word '.repeat(180) },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage,
})
const event = (choices: unknown[], told: unknown = null): string =>
  `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices, usage: told })}\n\n`
const word = event([{ index: 0, delta: { content: 'word ' }, logprobs: null, finish_reason: null }])
const end = `${event([{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }])}${event([], usage)}data: [DONE]\n\n`

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString()
    if (!body.includes('"stream":true') && !body.includes('"stream": true')) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(whole)
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    if (!body.includes('drip')) {
      for (let i = 0; i < 200; i++) response.write(word)
      response.end(end)
      return
    }
    let left = 20
    const timer = setInterval(() => {
      if (left-- > 0) response.write(word)
      else {
        clearInterval(timer)
        response.end(end)
      }
    }, 250)
    response.on('close', () => clearInterval(timer))
  })
})
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }))
})
