import type { CallOutcome } from './complete-call.ts'
import { createGatedSink } from './gated-sink.ts'
import type { Guardrails } from './guardrails/guardrails.ts'
import type { AnswerSink, LlmCall } from './llm-call.ts'

/**
 * Makes a call with what is asked beside it and after it. A guardrail beside the model holds the answer back until both are there, and cancels the
 * backend when it refuses; one that must see a whole stream holds it until its end.
 */
export async function guardedCall(
  guardrails: Guardrails | null,
  { call, sink }: { call: LlmCall; sink: AnswerSink },
  complete: (sink: AnswerSink) => Promise<CallOutcome>
): Promise<CallOutcome> {
  const during = guardrails?.checkDuring(call) ?? null
  const checkWhole = call.isStream ? (guardrails?.checkWhole ?? null) : null
  if (during === null && checkWhole === null) return complete(sink)
  const gate = createGatedSink(sink)
  const refusals: Error[] = []
  const verdict = during?.then(
    () => {
      if (checkWhole === null) gate.open()
    },
    (error: unknown) => {
      refusals.push(error instanceof Error ? error : new Error(String(error)))
      gate.shut()
    }
  )
  const outcome = await complete(gate.sink)
  await verdict
  const [refusal] = refusals
  if (refusal !== undefined) return refused(outcome, refusal)
  if (checkWhole !== null && outcome.answer !== null && outcome.error === null) {
    try {
      await checkWhole(outcome.answer.text())
    } catch (error) {
      gate.shut()
      return refused(outcome, error instanceof Error ? error : new Error(String(error)))
    }
  }
  gate.open()
  return outcome
}

/** The backend's work is paid for; the caller learns only of the refusal. */
const refused = (outcome: CallOutcome, error: Error): CallOutcome => ({
  ...outcome,
  error,
  isRefused: true,
})
