import type { z } from 'zod'
import type { ErrorCode } from './errors.ts'

export type Role = 'viewer' | 'operator' | 'admin'

/** One HTTP route of Trestle, as data: the server binds it, the SDK calls it, OpenAPI describes it. */
export type RouteDef = Readonly<{
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path with `:name` parameters. */
  path: string
  summary: string
  tag: string
  /** The least role that may call it. */
  role: Role
  params?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType
  response: z.ZodType
  /** Rows of data, which are a record of their own: calls are not written to the audit log. */
  isDataTraffic?: boolean
  status?: 200 | 201 | 202 | 204
  errors?: readonly ErrorCode[]
}>

type Part<
  R extends RouteDef,
  K extends 'params' | 'query' | 'body',
  Side extends 'in' | 'out',
> = R[K] extends z.ZodType ? (Side extends 'in' ? z.input<R[K]> : z.output<R[K]>) : unknown

/** What a caller passes: path parameters, query and body in one flat object. */
export type RouteInput<R extends RouteDef> = Part<R, 'params', 'in'> &
  Part<R, 'query', 'in'> &
  Part<R, 'body', 'in'>

/** What a handler gets: the same object, parsed and with defaults. */
export type RouteParsed<R extends RouteDef> = Part<R, 'params', 'out'> &
  Part<R, 'query', 'out'> &
  Part<R, 'body', 'out'>

/** What a handler returns. */
export type RouteReply<R extends RouteDef> = z.input<R['response']>

/** What a caller gets. */
export type RouteResult<R extends RouteDef> = z.output<R['response']>

/** Routes of one subject, by name. */
export type RouteGroup = Readonly<Record<string, RouteDef>>

/** Keeps the literal types of a route. */
export const route = <const R extends RouteDef>(definition: R): R => definition
