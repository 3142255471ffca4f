import type { FastifyInstance } from 'fastify'
import type { FeatureStore } from '../feature-store.ts'
export function addFeastRoutes(_app: FastifyInstance, _store: FeatureStore): void {}
