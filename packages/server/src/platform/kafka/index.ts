export type { KafkaAddress } from './address.ts'
export { createKafka, type Kafka } from './kafka.ts'
export { lastPerPartition, recordBatches, type KafkaRecord } from './record-batches.ts'
