/**
 * What serving promises under load, tried on a live server: `npm run bench:proofs [-- swaps memory …]`. Small by default; README.md has the settings of the full size.
 */
import { batching } from './proofs/batching.ts'
import { memory } from './proofs/memory.ts'
import { neighbour } from './proofs/neighbour.ts'
import { soak } from './proofs/soak.ts'
import { swaps } from './proofs/swaps.ts'
import { tensors } from './proofs/tensors.ts'

const PROOFS = { swaps, memory, batching, neighbour, tensors, soak }

const asked = process.argv.slice(2)
console.log('| promise | measured | holds |\n|---|---|---|')
for (const [name, proof] of Object.entries(PROOFS)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const { measured, holds } = await proof.run()
  console.log(`| ${proof.name} | ${measured} | ${holds ? 'yes' : 'no'} |`)
  if (!holds) process.exitCode = 1
}
