import type { TrestleClient } from '@trestle/sdk'
import type { Payments } from './payments.ts'
import type { Teller } from './teller.ts'

/** What every chapter works with. */
export type Stage = Readonly<{ client: TrestleClient; teller: Teller; payments: Payments }>

export const ENDPOINT = 'payments-risk'
export const MODEL = 'payments-risk'
export const MONITOR = 'payments-risk-inputs'
