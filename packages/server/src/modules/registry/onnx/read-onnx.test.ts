import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { readOnnx } from './read-onnx.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'onnx-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('an ONNX file tells its inputs, outputs, opset, producer and metadata', () => {
  expect(readOnnx(fixture('matmul.onnx'))).toEqual({
    irVersion: 9,
    opset: 17,
    opsets: { 'ai.onnx': 17 },
    producer: 'trestle-tests 1',
    inputs: [{ name: 'x', type: 'tensor(float)', shape: ['batch', 2] }],
    outputs: [{ name: 'y', type: 'tensor(float)', shape: ['batch', 1] }],
    metadata: { purpose: 'tests' },
    externalFiles: [],
    nodes: 1,
  })
})

test('weights in other files are named', () => {
  expect(readOnnx(fixture('external.onnx')).externalFiles).toEqual(['weights.bin'])
})

test('a file cut at any byte is refused or still whole in its graph, and never crashes', () => {
  const whole = readFileSync(fixture('matmul.onnx'))
  const path = join(folder, 'cut.onnx')
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length))
    try {
      expect(readOnnx(path).outputs).toEqual([
        { name: 'y', type: 'tensor(float)', shape: ['batch', 1] },
      ])
    } catch (error) {
      expect((error as Error).message).toMatch(
        /ends too early|has no graph|no outputs|no IR version|to be/
      )
    }
  }
})

test('a file of other bytes is refused', () => {
  const path = join(folder, 'noise.onnx')
  for (const content of ['this is no model', '', '\x08\x09', '<html></html>']) {
    writeFileSync(path, content)
    expect(() => readOnnx(path)).toThrow()
  }
})
