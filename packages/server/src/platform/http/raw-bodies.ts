import type { FastifyInstance } from 'fastify'

/** Hands every body of a scope over as bytes, whatever its content type says: tritonclient sends none. */
export function takeRawBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}
