import type { FeatureManifestInput } from '@trestle/contract'

export const CARDS = 200

/** The n-th event of the stream, at the instant at which it is sent; the same for every writer but for its time. */
export function eventOf(n: number): Record<string, string | number | null> {
  const u = (k: number): number =>
    (((Math.sin(n * 12.9898 + k * 78.233) * 43_758.5453) % 1) + 1) % 1
  const lateMs = n % 10 === 3 ? Math.floor(u(1) * 300_000) : 0
  return {
    card: `card-${Math.floor(u(2) * CARDS)}`,
    amount: Math.round(u(3) * 100_000) / 100,
    shop: n % 17 === 0 ? null : `shop-${Math.floor(u(4) * 30)}`,
    event_timestamp: Date.now() - lateMs,
  }
}

/** The newest payment of a card, and windows over its payments. */
export const streamManifest: FeatureManifestInput = {
  entities: [{ name: 'card', keys: [{ name: 'card', type: 'string' }] }],
  views: [
    {
      name: 'newest',
      entities: ['card'],
      pushSource: 'payments',
      ttlMs: 3_600_000,
      features: [
        { name: 'amount', type: 'float64' },
        { name: 'shop', type: 'string' },
      ],
    },
    {
      name: 'lately',
      entities: ['card'],
      pushSource: 'payments',
      inputs: [
        { name: 'amount', type: 'float64' },
        { name: 'shop', type: 'string' },
      ],
      features: [
        window('spent', 'float64', { function: 'sum', of: 'amount' }),
        window('payments', 'int64', { function: 'count' }),
        window('shops', 'int64', { function: 'distinct', of: 'shop' }),
        window('highest', 'float64', { function: 'max', of: 'amount' }),
      ],
    },
  ],
  services: [
    {
      name: 'stream',
      features: [
        { view: 'newest', features: ['amount', 'shop'] },
        { view: 'lately', features: ['spent', 'payments', 'shops', 'highest'] },
      ],
    },
  ],
}

function window(
  name: string,
  type: 'int64' | 'float64',
  aggregate: { function: 'sum' | 'count' | 'distinct' | 'max'; of?: string }
) {
  return { name, type, aggregate: { ...aggregate, windowMs: 60_000, slideMs: 1_000 } }
}
