/**
 * A model grows old on real data and is replaced, all through the public API of a live server:
 *
 *     TRESTLE_URL=http://127.0.0.1:4400 PYTHON=.venv/bin/python node --conditions=@trestle/source examples/bike-sharing/src/scenario.ts
 *
 * Wants a server without an endpoint `bikes`. `npm run conformance -- bike-sharing` starts one, and makes the Python.
 */
import { readFileSync } from 'node:fs'
import { createClient } from '@trestle/sdk'
import { ENDPOINT } from './definitions.ts'
import { createFacts } from './facts.ts'
import { checkMonitors } from './grow-old.ts'
import { promote, refuse } from './replace.ts'
import { replayHours } from './replay.ts'
import { checkServing, prepare, replay, trainOn } from './serve.ts'
import { createTraffic, type Scenario } from './traffic.ts'

const url = process.env['TRESTLE_URL']
const csv = process.env['BIKE_SHARING_CSV']
if (url === undefined || csv === undefined) {
  console.error('Set TRESTLE_URL to a running server and BIKE_SHARING_CSV to hour.csv.')
  process.exit(2)
}

const told = createFacts((line) => console.log(line))
const begun = performance.now()
await bikeScenario({
  client: createClient({ url }),
  facts: told,
  csv: { path: csv, text: readFileSync(csv, 'utf8') },
  python: process.env['PYTHON'] ?? 'python3',
})
told.step(`${((performance.now() - begun) / 1_000).toFixed(0)} s`)
const { failed, line } = told.summary()
console.log(line)
process.exitCode = failed === 0 ? 0 : 1

/** Winter's model through summer, found out, replaced, and refused when it is offered again. */
async function bikeScenario(scenario: Scenario): Promise<void> {
  const { client, csv, facts } = scenario
  const hours = (from: string, until: string) => [...replayHours(csv.text, { from, until })]
  const winter = await trainOn(scenario, '2011-02-28')
  await prepare(scenario, {
    version: winter.models.forest.version,
    trainedOn: hours('2011-01-01', '2011-02-28'),
  })

  const traffic = createTraffic(client, ENDPOINT)
  const summer = await replay(scenario, { traffic, hours: hours('2011-03-01', '2011-08-31') })
  await checkServing(scenario, summer, winter.models.forest)
  await checkMonitors(scenario, summer.length)

  const retrained = await trainOn(scenario, '2011-08-31')
  const fresh = retrained.models.trees.version
  await promote(scenario, { version: fresh, traffic, hours: hours('2011-09-01', '2011-10-31') })
  await refuse(scenario, {
    version: winter.models.forest.version,
    champion: fresh,
    traffic,
    hours: hours('2011-11-01', '2012-12-31'),
  })
  await traffic.settle()
  const { dropped } = await client.monitoring.getLogState()
  facts.check('the inference log lost nothing', dropped === 0)
}
