/** A process that logs one event a millisecond and says when it did, until it is killed. Started by the crash test. */
import { join } from 'node:path'
import { systemClock } from '../../../kernel/clock.ts'
import { createDuckDb } from '../../../platform/duckdb/index.ts'
import { silentLogger } from '../../../platform/telemetry/logger.ts'
import { createInferenceLog } from '../inference-log/inference-log.ts'
import { sampleEvent } from './sample-event.ts'

const directory = process.argv[2] ?? ''
const log = createInferenceLog({
  directory,
  clock: systemClock,
  log: silentLogger(),
  duckdb: createDuckDb({
    temporaryDir: join(directory, 'tmp'),
    memoryLimit: '128MB',
    threads: 1,
  }),
  settingsOf: () => ({ samplingRate: 1, masks: {} }),
  retentionDaysOf: () => 30,
  limits: { segmentBytes: 64 * 1024 },
})
await log.open()
let n = 0
setInterval(() => {
  for (let i = 0; i < 5; i++) {
    n++
    log.append(sampleEvent({ predictionId: `p${n}`, at: Date.now() }))
  }
  process.stdout.write(`${n} ${Date.now()}\n`)
}, 2)
