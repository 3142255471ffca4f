import { ERRORS, problem, type RouteDef, type RouteGroup } from '@trestle/contract'
import { z } from 'zod'

/** The OpenAPI 3.1 description of route groups. */
export function describeRoutes(
  groups: Readonly<Record<string, RouteGroup>>,
  version: string
): object {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [groupName, group] of Object.entries(groups)) {
    for (const [name, definition] of Object.entries(group)) {
      const path = definition.path.replaceAll(/:([A-Za-z]+)/g, '{$1}')
      paths[path] ??= {}
      paths[path][definition.method.toLowerCase()] = describeRoute(
        `${groupName}.${name}`,
        definition
      )
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Trestle',
      version,
      description: 'Serve, roll out, monitor, feed features, account for cost.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }, { basic: [] }, {}],
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'Any user name, the API key as password',
        },
      },
      schemas: { Problem: schemaOf(problem, 'output') },
    },
    paths,
  }
}

function describeRoute(operationId: string, definition: RouteDef): object {
  const errors = [
    ...new Set([
      ...(definition.errors ?? []),
      'request.invalid',
      'auth.unauthenticated',
      'auth.forbidden',
    ] as const),
  ]
  const byStatus = Object.groupBy(errors, (code) => String(ERRORS[code].status))
  const failures = Object.entries(byStatus).map(([status, codes]): [string, object] => [
    status,
    {
      description: (codes ?? []).map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('; '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  ])
  return {
    operationId,
    tags: [definition.tag],
    summary: definition.summary,
    description: `Needs the role \`${definition.role}\`.`,
    parameters: [
      ...parametersOf(definition.params, 'path'),
      ...parametersOf(definition.query, 'query'),
    ],
    ...(definition.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(definition.body, 'input') } },
          },
        }),
    responses: {
      [String(definition.status ?? 200)]: {
        description: 'OK',
        content: { 'application/json': { schema: schemaOf(definition.response, 'output') } },
      },
      ...Object.fromEntries(failures),
    },
  }
}

function parametersOf(schema: z.ZodObject | undefined, where: 'path' | 'query'): object[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, unknown>
    required?: string[]
  }
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }))
}

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): unknown =>
  z.toJSONSchema(schema, { io, unrepresentable: 'any' })
