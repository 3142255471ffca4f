export type { KafkaAddress } from './address.ts'
export { createKafka, type Kafka } from './kafka.ts'
