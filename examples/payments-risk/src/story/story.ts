/** The whole story of the example, told against a live server through its public API alone. */
import { createClient } from '@trestle/sdk'
import { showBill } from './chapters/bill.ts'
import { promoteBetterModel, rollBackHarmfulModel } from './chapters/canary.ts'
import { detectDrift } from './chapters/drift.ts'
import { buildFeatures } from './chapters/features.ts'
import { registerModels } from './chapters/register.ts'
import { createEndpoint, serveLiveTraffic } from './chapters/serve.ts'
import { shadowBetterModel } from './chapters/shadow.ts'
import { createPayments, createWarmWorld } from './payments.ts'
import { ENDPOINT } from './stage.ts'
import { createTeller } from './teller.ts'

/** Tells the story to `terminal`. Rejects at the first step that does not do what it says. */
export async function tellStory(options: {
  url: string
  terminal: { isTTY?: boolean; write: (text: string) => unknown }
}): Promise<void> {
  const began = performance.now()
  const teller = createTeller(options.terminal, began)
  const client = createClient({ url: options.url })

  teller.chapter('A world of card payments (a simulation: no real card, person or bank)')
  const world = createWarmWorld(Date.now())
  const stage = { client, teller, payments: createPayments(client, world.simulator, ENDPOINT) }
  teller.say(
    `${world.simulator.customers.length} customers, ${world.simulator.merchants.length} merchants, ${world.history.customerStats.length + world.history.merchantStats.length} rows of feature history`
  )

  teller.chapter('Three trained models are logged and registered')
  await registerModels(stage)
  teller.chapter('Features are declared in TypeScript and materialized')
  await buildFeatures(stage, world.history)
  teller.chapter('Version 1 goes online, watched by a monitor')
  await createEndpoint(stage, world.training)
  teller.chapter('Live payments, with features from the store')
  await serveLiveTraffic(stage)
  teller.chapter('Version 2 in the shadow: copies of live requests, answers nobody sees')
  await shadowBetterModel(stage)
  teller.chapter('Version 2 as canary: promoted on evidence')
  await promoteBetterModel(stage)
  teller.chapter('Version 3 as canary: it looked best in validation')
  await rollBackHarmfulModel(stage)
  teller.chapter('An upstream job breaks')
  await detectDrift(stage)
  teller.chapter('The bill')
  await showBill(stage)
  options.terminal.write(
    `\nDone in ${((performance.now() - began) / 1000).toFixed(0)} s: every step did what it says.\n`
  )
}
