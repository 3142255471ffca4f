import type { Clock } from '../../../kernel/clock.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import { doesNotExist, invalidParameter } from '../mlflow/mlflow-error.ts'
import type { AssessmentStore } from './assessment-store.ts'
import type { ChangedAssessment, GivenAssessment } from './trace-fields.ts'
import type { AssessmentRow, TraceRow } from './trace-records.ts'

/** What people, judges and programs say of a trace: feedback, what they expected, issues. */
export interface Assessments {
  create(trace: TraceRow, given: GivenAssessment): Promise<AssessmentRow>
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  get(trace: TraceRow, assessmentId: string): Promise<AssessmentRow>
  /** Changes what `mask` names; source and span stay. */
  update(
    trace: TraceRow,
    assessmentId: string,
    change: { given: ChangedAssessment; mask: readonly string[] }
  ): Promise<AssessmentRow>
  /** Does nothing when it is gone already. */
  remove(trace: TraceRow, assessmentId: string): Promise<void>
}

type Body = Record<string, unknown>

export function createAssessments(deps: { store: AssessmentStore; clock: Clock }): Assessments {
  const { store, clock } = deps

  const get = async (trace: TraceRow, assessmentId: string): Promise<AssessmentRow> => {
    const row = await store.find(trace.trace_key, assessmentId)
    if (row === undefined)
      throw doesNotExist(
        `Assessment with ID '${assessmentId}' not found for trace '${trace.trace_id}'`
      )
    return row
  }

  return {
    get,
    async create(trace, given) {
      const now = clock.now()
      const id = given.assessment_id ?? `a-${randomHexId()}`
      const { create_time: created = now, last_update_time: updated = now, ...rest } = given
      const body = {
        ...rest,
        assessment_id: id,
        trace_id: trace.trace_id,
        create_time: new Date(created).toISOString(),
        last_update_time: new Date(updated).toISOString(),
      }
      const row: AssessmentRow = {
        trace_key: trace.trace_key,
        assessment_id: id,
        ...indexed(body),
        valid: 1,
        overrides: given.overrides ?? null,
        body: JSON.stringify(body),
        created_at: created,
      }
      if (!(await store.insert(row)))
        throw doesNotExist(
          `Assessment with ID '${row.overrides ?? ''}' not found for trace '${trace.trace_id}'`
        )
      return row
    },
    async update(trace, assessmentId, { given, mask }) {
      const row = await get(trace, assessmentId)
      const before = JSON.parse(row.body) as Body // written above
      if (mask.includes('expectation') && mask.includes('feedback'))
        throw invalidParameter('Cannot specify both `expectation` and `feedback` parameters.')
      for (const kind of ['expectation', 'feedback'] as const)
        if (mask.includes(kind) && row.kind !== kind)
          throw invalidParameter(`Cannot update ${kind} value on a ${row.kind} assessment.`)
      const metadata = { ...(before['metadata'] as object | undefined), ...given.metadata }
      const after = {
        ...before,
        ...Object.fromEntries(
          Object.entries(given).filter(([key]) => CHANGEABLE.includes(key) && mask.includes(key))
        ),
        ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
        last_update_time: new Date(clock.now()).toISOString(),
      }
      const changed = { ...row, ...indexed(after), body: JSON.stringify(after) }
      await store.update(changed)
      return changed
    },
    async remove(trace, assessmentId) {
      const row = await store.find(trace.trace_key, assessmentId)
      if (row !== undefined) await store.remove(row)
    },
  }
}

const CHANGEABLE = ['assessment_name', 'expectation', 'feedback', 'rationale']

/** What searches look at: name, kind, and the value as JSON and, for numbers and booleans, as a number. */
function indexed(body: Body): Pick<AssessmentRow, 'name' | 'kind' | 'value' | 'number'> {
  const kind = ['feedback', 'expectation', 'issue'].find((name) => body[name] !== undefined)
  if (kind === undefined)
    throw invalidParameter('An assessment holds a feedback, an expectation or an issue')
  const held = body[kind] as { value?: unknown; serialized_value?: { value: string } }
  const value =
    held.serialized_value?.value ?? (held.value === undefined ? null : JSON.stringify(held.value))
  const number =
    typeof held.value === 'number'
      ? held.value
      : typeof held.value === 'boolean'
        ? Number(held.value)
        : null
  return { name: String(body['assessment_name']), kind, value, number }
}
