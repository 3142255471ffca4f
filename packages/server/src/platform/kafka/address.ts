/** How to reach a Kafka cluster. */
export type KafkaAddress = Readonly<{
  /** `host:port` of some of its brokers; they tell of the others. */
  brokers: readonly string[]
  isTls: boolean
  sasl: Readonly<{
    mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
    username: string
    password: string
  }> | null
}>
