import type { TrestleClient } from '@trestle/sdk'

/** A guarded alias, and a version that waits for it. */
export async function seedApprovals(client: TrestleClient): Promise<void> {
  const at = { name: 'fraud', kind: 'alias' as const, target: 'production' }
  await client.governance.setGuard({
    ...at,
    approvals: 1,
    metrics: [{ metric: 'auc', bound: 0.9 }],
    signatureCompatible: true,
  })
  await client.governance.requestApproval({ ...at, version: 2, comment: 'trained on October' })
}
