// The server as one file: reading hundreds of small modules is most of what a start costs.
import { copyFileSync, mkdirSync } from 'node:fs'
import { defineConfig } from 'rolldown'

/** Native, loaded late, or found by path: these stay packages. */
const external = [
  /^@aws-sdk\//,
  /^onnxruntime-node/,
  /^@duckdb\//,
  /^@grpc\//,
  /^@scalar\//,
  /^apache-arrow/,
  /^ioredis/,
  /^lz4-napi/,
  /^nodemailer/,
  /^pg($|-)/,
  /^pino/,
  /^protobufjs/,
  /^re2js/,
  /^thread-stream/,
  /^undici/,
  /^ws$/,
]

const here = (path) => new URL(path, import.meta.url)

export default defineConfig({
  input: {
    main: 'src/main.ts',
    worker: 'src/modules/serving/runtimes/onnx/worker.ts',
    'segment-worker': 'src/modules/monitoring/inference-log/segment-worker.ts',
    'probe-worker': 'src/modules/registry/onnx/probe-worker.ts',
    'script-host': 'src/platform/script/host.ts',
    'llama-host': 'src/modules/serving/llm/local/llama-host.ts',
    'report-program': 'src/modules/monitoring/report/report-program.ts',
    'embedder-host': 'src/modules/serving/llm/local/embedder-host.ts',
    'token-worker': 'src/modules/serving/llm/tokens/token-worker.ts',
  },
  platform: 'node',
  external,
  resolve: { conditionNames: ['@trestle/source', 'import', 'node', 'default'] },
  output: { dir: 'dist', format: 'esm', cleanDir: true },
  logLevel: 'warn',
  plugins: [
    {
      name: 'files-found-by-path',
      writeBundle() {
        mkdirSync(here('dist'), { recursive: true })
        for (const file of ['inference.proto', 'health.proto'])
          copyFileSync(here(`src/modules/serving/protocols/oip/${file}`), here(`dist/${file}`))
        copyFileSync(
          here('src/modules/serving/runtimes/python/host.py'),
          here('dist/python-host.py')
        )
      },
    },
  ],
})
