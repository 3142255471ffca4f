/** What a payment request carries, and the label that becomes known later. */
export type Transaction = Readonly<{
  transaction_id: string
  customer_id: string
  merchant_id: string
  /** When the payment was authorised, ms since 1970 UTC. */
  event_timestamp: number
  request: RequestFeatures
  label: Label
}>

/** Known at the moment of the request, all numbers. */
export type RequestFeatures = Readonly<{
  amount: number
  /** 1 if the merchant is in another country than the customer. */
  country_mismatch: 0 | 1
  /** Hour of day, UTC, 0–23. */
  hour: number
  /** 0 chip, 1 contactless, 2 online. */
  channel: 0 | 1 | 2
  /** Other payments by the same customer in the hour before this one, counted by the payment switch. */
  tx_count_1h: number
}>

/** Hidden from the model until `known_at`: disputes take hours to days. */
export type Label = Readonly<{ is_fraud: 0 | 1; known_at: number }>
