import { Command } from 'commander'
import { addApplyCommand } from './commands/apply.ts'
import { addBatchCommands } from './commands/batch.ts'
import { addStreamCommands } from './commands/streams.ts'
import { addCallCommand } from './commands/call.ts'
import { addCostCommands } from './commands/costs.ts'
import { addDemoCommand } from './commands/demo.ts'
import { addDriftCommands } from './commands/drift.ts'
import { addEndpointCommands } from './commands/endpoints.ts'
import { addFeatureCommands } from './commands/features.ts'
import { addGarbageCommand } from './commands/gc.ts'
import { addKeyCommands } from './commands/keys.ts'
import { addLabelCommands } from './commands/labels.ts'
import { addPredictionCommands } from './commands/predictions.ts'
import { addLineageCommand } from './commands/lineage.ts'
import { addModelCommands } from './commands/models.ts'
import { addProjectCommands } from './commands/projects.ts'
import { addRolloutCommands } from './commands/rollouts.ts'
import { addTrackingCommands } from './commands/runs.ts'
import { addServeCommand } from './commands/serve.ts'
import { addTransferCommands } from './commands/transfer.ts'
import { addGlobalOptions } from './context.ts'

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('trestle')
    .description(
      'Trestle carries a trained model over to production: serve, roll out, monitor, feed features, account for cost.'
    )
    .showHelpAfterError('(--help shows how)')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .exitOverride()
  addGlobalOptions(program)
  addServeCommand(program)
  addDemoCommand(program)
  addApplyCommand(program)
  addModelCommands(program)
  addLineageCommand(program)
  addEndpointCommands(program)
  addRolloutCommands(program)
  addBatchCommands(program)
  addStreamCommands(program)
  addFeatureCommands(program)
  addDriftCommands(program)
  addLabelCommands(program)
  addPredictionCommands(program)
  addCostCommands(program)
  addTrackingCommands(program)
  addTransferCommands(program)
  addGarbageCommand(program)
  addKeyCommands(program)
  addProjectCommands(program)
  addCallCommand(program)
  program.addHelpText(
    'after',
    `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the server did not answer, 4 a drift report found drift.

  trestle serve                                  start on http://127.0.0.1:4400
  trestle demo                                   see the whole loop on a simulated payments service
  trestle keys create --name ci --role operator  a key for a program`
  )
  return program
}
