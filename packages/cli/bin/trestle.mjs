#!/usr/bin/env node
// Finds the right Node and starts the command line: from TypeScript sources in a checkout, from the build elsewhere.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'src', 'main.ts')
const flags = existsSync(source)
  ? ['--conditions=@trestle/source', source]
  : [join(root, 'dist', 'main.js')]
const args = ['--disable-warning=ExperimentalWarning', ...flags, ...process.argv.slice(2)]
const node = nodeOfAtLeast24()
// Compiled sources are kept between starts, where Node itself keeps them by default: it halves the time to listen.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache')

if (typeof process.execve === 'function' && process.platform !== 'win32') {
  process.removeAllListeners('warning') // execve is marked experimental; the reader has no use for that
  process.execve(node, [node, ...args], process.env)
} else {
  const ended = spawnSync(node, args, { stdio: 'inherit' })
  process.exitCode = ended.status ?? 1
}

function nodeOfAtLeast24() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin', 'node')
  } catch {
    process.stderr.write(`trestle: needs Node 24 or newer, this is ${process.version}\n`)
    process.exit(1)
  }
}
