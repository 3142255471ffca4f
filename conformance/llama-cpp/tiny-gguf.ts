import { writeFileSync } from 'node:fs'

/** Kinds of values and tensors of GGUF, version 3 (github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
const U32 = 4
const F32 = 6
const STRING = 8
const ARRAY = 9
const I32 = 5
const TENSOR_F32 = 0
const ALIGNMENT = 32

const CONTEXT = 512
const WIDTH = 32
const HEADS = 4
const LAYERS = 2
const FEED_FORWARD = 64

/** Writes a llama with random weights and a vocabulary of bytes: it says nonsense, and always the same when it is not let to choose. */
export function writeTinyGguf(path: string): void {
  const tokens = ['<unk>', '<s>', '</s>', ...bytes().map((b) => `<0x${hex(b)}>`), ...letters()]
  const types = [2, 3, 3, ...bytes().map(() => 6), ...letters().map(() => 1)]
  const metadata: Buffer[] = [
    entry('general.architecture', text('llama')),
    entry('general.name', text('tiny')),
    entry('llama.context_length', u32(CONTEXT)),
    entry('llama.embedding_length', u32(WIDTH)),
    entry('llama.block_count', u32(LAYERS)),
    entry('llama.feed_forward_length', u32(FEED_FORWARD)),
    entry('llama.attention.head_count', u32(HEADS)),
    entry('llama.attention.head_count_kv', u32(HEADS)),
    entry('llama.rope.dimension_count', u32(WIDTH / HEADS)),
    entry('llama.attention.layer_norm_rms_epsilon', f32(1e-5)),
    entry('llama.vocab_size', u32(tokens.length)),
    entry('tokenizer.ggml.model', text('llama')),
    entry('tokenizer.ggml.tokens', list(STRING, tokens.map(bareText))),
    entry(
      'tokenizer.ggml.scores',
      list(
        F32,
        tokens.map((_, i) => bareF32(-i))
      )
    ),
    entry('tokenizer.ggml.token_type', list(I32, types.map(bareI32))),
    entry('tokenizer.ggml.bos_token_id', u32(1)),
    entry('tokenizer.ggml.eos_token_id', u32(2)),
    entry('tokenizer.ggml.unknown_token_id', u32(0)),
  ]
  const random = createRandom()
  const matrix = (name: string, ...shape: number[]): Tensor => ({
    name,
    shape,
    value: () => (random() - 0.5) / 2,
  })
  const ones = (name: string): Tensor => ({ name, shape: [WIDTH], value: () => 1 })
  const tensors: Tensor[] = [
    matrix('token_embd.weight', WIDTH, tokens.length),
    ones('output_norm.weight'),
    matrix('output.weight', WIDTH, tokens.length),
    ...Array.from({ length: LAYERS }, (_, i) => [
      ones(`blk.${i}.attn_norm.weight`),
      ...['q', 'k', 'v', 'output'].map((part) =>
        matrix(`blk.${i}.attn_${part}.weight`, WIDTH, WIDTH)
      ),
      ones(`blk.${i}.ffn_norm.weight`),
      matrix(`blk.${i}.ffn_gate.weight`, WIDTH, FEED_FORWARD),
      matrix(`blk.${i}.ffn_up.weight`, WIDTH, FEED_FORWARD),
      matrix(`blk.${i}.ffn_down.weight`, FEED_FORWARD, WIDTH),
    ]).flat(),
  ]
  let offset = 0
  const infos: Buffer[] = []
  const data: Buffer[] = []
  for (const { name, shape, value } of tensors) {
    const count = shape.reduce((a, b) => a * b, 1)
    infos.push(
      bareText(name),
      bareU32(shape.length),
      ...shape.map(bareU64),
      bareU32(TENSOR_F32),
      bareU64(offset)
    )
    const values = padded(Buffer.from(Float32Array.from({ length: count }, value).buffer))
    data.push(values)
    offset += values.length
  }
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    bareU32(3),
    bareU64(tensors.length),
    bareU64(metadata.length),
    ...metadata,
    ...infos,
  ])
  writeFileSync(path, Buffer.concat([padded(head), ...data]))
}

type Tensor = { name: string; shape: number[]; value: () => number }
type Value = { type: number; bytes: Buffer }

const bytes = (): number[] => Array.from({ length: 256 }, (_, i) => i)
const letters = (): string[] => '▁abcdefghijklmnopqrstuvwxyz.,!?'.split('')
const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0')

const bareU32 = (n: number): Buffer => Buffer.from(Uint32Array.of(n).buffer)
const bareI32 = (n: number): Buffer => Buffer.from(Int32Array.of(n).buffer)
const bareF32 = (n: number): Buffer => Buffer.from(Float32Array.of(n).buffer)
const bareU64 = (n: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(n)).buffer)
const bareText = (value: string): Buffer => {
  const utf8 = Buffer.from(value)
  return Buffer.concat([bareU64(utf8.length), utf8])
}
const u32 = (n: number): Value => ({ type: U32, bytes: bareU32(n) })
const f32 = (n: number): Value => ({ type: F32, bytes: bareF32(n) })
const text = (value: string): Value => ({ type: STRING, bytes: bareText(value) })
const list = (type: number, items: Buffer[]): Value => ({
  type: ARRAY,
  bytes: Buffer.concat([bareU32(type), bareU64(items.length), ...items]),
})
const entry = (key: string, { type, bytes: value }: Value): Buffer =>
  Buffer.concat([bareText(key), bareU32(type), value])

function padded(bytesOf: Buffer): Buffer {
  const rest = bytesOf.length % ALIGNMENT
  return rest === 0 ? bytesOf : Buffer.concat([bytesOf, Buffer.alloc(ALIGNMENT - rest)])
}

/** Mulberry32: the same weights in every run. */
function createRandom(): () => number {
  let state = 42
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
