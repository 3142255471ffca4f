import { z } from 'zod'
import { done } from '../mlflow/done.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import { mlflowRoute, type MlflowRoute } from '../mlflow/scope.ts'
import type { Assessments } from './assessments.ts'
import { assessmentFields, changedAssessment, traceId } from './trace-fields.ts'
import type { Traces } from './traces.ts'
import { toAssessment } from './trace-wire.ts'

const one = z.object({ trace_id: traceId, assessment_id: z.string() })

/** Feedback and expectations on traces. */
export function assessmentRoutes(deps: {
  traces: Traces
  assessments: Assessments
}): MlflowRoute[] {
  const { traces, assessments } = deps
  const path = 'traces/:trace_id/assessments'
  return [
    mlflowRoute({
      method: 'POST',
      path,
      fields: z.object({ trace_id: traceId, assessment: assessmentFields }),
      handle: async (f, { project }) => {
        const trace = await traces.get(project, f.trace_id)
        return { assessment: toAssessment(await assessments.create(trace, f.assessment)) }
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: `${path}/:assessment_id`,
      fields: one,
      handle: async (f, { project }) => {
        const trace = await traces.get(project, f.trace_id)
        return { assessment: toAssessment(await assessments.get(trace, f.assessment_id)) }
      },
    }),
    mlflowRoute({
      method: 'PATCH',
      path: `${path}/:assessment_id`,
      fields: one.extend({ assessment: changedAssessment, update_mask: z.string() }),
      handle: async (f, { project }) => {
        const mask = f.update_mask.split(',').map(toSnake)
        const unknown = mask.find((name) => !MASKABLE.includes(name))
        if (unknown !== undefined) throw invalidParameter(`'${unknown}' can't be updated`)
        const trace = await traces.get(project, f.trace_id)
        const change = { given: f.assessment, mask }
        return {
          assessment: toAssessment(await assessments.update(trace, f.assessment_id, change)),
        }
      },
    }),
    mlflowRoute({
      method: 'DELETE',
      path: `${path}/:assessment_id`,
      fields: one,
      handle: async (f, { project }) =>
        done(assessments.remove(await traces.get(project, f.trace_id), f.assessment_id)),
    }),
  ]
}

const MASKABLE = ['assessment_name', 'expectation', 'feedback', 'rationale', 'metadata']

/** A field mask in JSON is in lower camel case. */
const toSnake = (name: string): string =>
  name.trim().replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)
