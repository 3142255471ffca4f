import type { Consumer } from '@platformatic/kafka'

/** How many records of each partition that this process reads wait to be scored. */
export type Lag = ReadonlyMap<number, number>

/**
 * Asks a topic's ends and compares them with what is done: `done` has the next offset of each partition that was scored here, `committed` says where a
 * partition stood before. Partitions of other members are left out.
 */
export async function lagOf(
  consumer: Consumer,
  topic: string,
  from: { done: ReadonlyMap<number, bigint>; committed: ReadonlyMap<string, bigint> }
): Promise<Lag> {
  const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic) ?? []
  const owned = consumer.assignments?.find((assigned) => assigned.topic === topic)?.partitions ?? []
  return new Map(
    owned.map((partition) => {
      const next = from.done.get(partition) ?? from.committed.get(`${topic}:${partition}`) ?? 0n
      const left = (ends[partition] ?? 0n) - (next < 0n ? 0n : next)
      return [partition, Math.max(0, Number(left))]
    })
  )
}
