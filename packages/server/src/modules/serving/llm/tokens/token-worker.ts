/** A thread that counts tokens, so that no text, however long, holds up an answer. */
import { parentPort } from 'node:worker_threads'
import { countTokens as encode } from 'gpt-tokenizer/encoding/o200k_base'
import { countTokens } from './count-tokens.ts'

const port = parentPort
if (port === null) throw new Error('token-worker.ts runs as a worker thread')

// A text may hold the names of special tokens; they are words like any others here.
const encoder = { countTokens: (text: string) => encode(text, { disallowedSpecial: new Set() }) }

port.on('message', ({ id, text }: { id: number; text: string }) => {
  port.postMessage({ id, count: countTokens(text, encoder) })
})
