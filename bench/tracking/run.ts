/** `npm run bench:tracking -- [requests] [large] [artifacts]`: all of them when none is named. BENCH_POSTGRES_URL names a PostgreSQL server to measure on too. */
import { benchArtifacts } from './artifacts.ts'
import { benchLarge } from './large.ts'
import { benchRequests } from './requests.ts'

const PARTS = {
  requests: () => benchRequests(process.env['BENCH_POSTGRES_URL'] ?? null),
  large: benchLarge,
  artifacts: benchArtifacts,
}

const asked = process.argv.slice(2)
for (const [name, bench] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  await bench()
  console.log()
}
