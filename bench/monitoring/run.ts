// All of it: npm run bench:monitoring. One part: … bench/monitoring/run.ts alarms|vectors|power|streams|speed. Rewrites the tables of README.md and of the guide.
import { readFile, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { replaceBetween } from '../rollouts/readme.ts'
import { falseAlarms, power, vectorAlarms } from './alarms.ts'
import { pathOf } from './peers.ts'
import { ingest, speed } from './speed.ts'
import { streams } from './streams.ts'

const PAGES = [pathOf('README.md'), pathOf('../../docs/guides/monitoring.md')]
const PARTS: Readonly<Record<string, () => string | Promise<string>>> = {
  alarms: () => falseAlarms(2_000),
  vectors: () => vectorAlarms(100),
  power: () => power(200),
  streams,
  speed: async () =>
    `${await speed()}\n\n${ingest()} Load of the machine (2 cores) at the end: ${(loadavg()[0] ?? 0).toFixed(1)}.`,
}

const wanted = process.argv.slice(2)
for (const [name, run] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const result = await run()
  console.log(`${name}\n\n${result}\n`)
  for (const page of PAGES)
    await writeFile(page, replaceBetween(await readFile(page, 'utf8'), name, result))
}
