/** The scenario of `examples/bike-sharing` against the server of this suite. Its data is not in this repository. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pythonWith } from '../lib/python.ts'
import { runScript } from '../lib/script.ts'

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const EXAMPLE = '../../examples/bike-sharing/'
const asked = process.env['BIKE_SHARING_CSV']
const csv = asked ?? pathOf('../../../shared/data/bike-sharing/hour.csv')
if (existsSync(csv)) {
  const python = process.env['PYTHON'] ?? (await pythonWith(pathOf(`${EXAMPLE}requirements.txt`)))
  const scenario = ['--conditions=@trestle/source', pathOf(`${EXAMPLE}src/scenario.ts`)]
  const { passed, failed } = await runScript(process.execPath, scenario, {
    BIKE_SHARING_CSV: csv,
    PYTHON: python,
  })
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
} else {
  console.log(`skipped: no bike-sharing data at ${csv}; set BIKE_SHARING_CSV to hour.csv`)
  console.log(`0 passed, ${asked === undefined && process.env['CI'] === undefined ? 0 : 1} failed`)
}
