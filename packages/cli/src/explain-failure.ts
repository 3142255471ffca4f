import { TrestleError } from '@trestle/sdk'

/** What to do next, by error code. */
const NEXT_STEPS: Readonly<Partial<Record<TrestleError['code'], string>>> = {
  network: 'Is it running? "trestle serve" starts it; --url names another.',
  'auth.unauthenticated': 'Give a key: --key or TRESTLE_API_KEY.',
  'auth.forbidden': '"trestle call identity.whoAmI" shows who you are and in which role.',
  'registry.model_not_found': '"trestle models list" shows the models.',
  'registry.version_not_found': '"trestle models show <name>" shows the versions and aliases.',
  'features.view_not_found': '"trestle features list" shows the views.',
  'features.service_not_found': '"trestle features services" shows the services.',
  'serving.endpoint_not_found': '"trestle endpoints list" shows the endpoints.',
  'serving.variant_not_found': '"trestle endpoints show <name>" shows the variants.',
  'monitoring.monitor_not_found': '"trestle drift monitors" shows the monitors.',
  'rollouts.rollout_not_found': '"trestle rollouts list" shows the rollouts.',
  'rollouts.in_progress': '"trestle rollouts list" shows it; wait for it, or abort it.',
  'costs.budget_exceeded': '"trestle costs budgets" shows the budgets.',
}

/** What a failed command says, with what to do next, and its exit code: 3 when the server did not answer, else 1. */
export function explainFailure(error: unknown): { message: string; exitCode: number } {
  if (!(error instanceof TrestleError))
    return { message: error instanceof Error ? error.message : String(error), exitCode: 1 }
  const next = NEXT_STEPS[error.code]
  const sentence = error.message.replace(/\.?$/, '.')
  const advice = next === undefined ? '' : ` ${next}`
  if (error.code === 'network') return { message: sentence + advice, exitCode: 3 }
  const request = error.requestId === null ? '' : `, request ${error.requestId}`
  return {
    message: `${sentence}${advice} [${error.code}${request}]${issuesOf(error)}`,
    exitCode: 1,
  }
}

/** Every field that was wrong, when there is more to say than the message does. */
function issuesOf({ details }: TrestleError): string {
  const { issues } = details
  if (!Array.isArray(issues) || issues.length < 2) return ''
  return issues
    .map((issue: unknown) => {
      const { path, message } = issue as { path?: unknown; message?: unknown } // shown, not trusted
      return `\n  ${String(path)}: ${String(message)}`
    })
    .join('')
}
