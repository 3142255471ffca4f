/** Works on items as they come, some at a time; the first failure stops it. */
export async function inParallel<T>(
  items: AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>
): Promise<void> {
  const running = new Set<Promise<void>>()
  for await (const item of items) {
    const one = work(item).finally(() => running.delete(one))
    running.add(one)
    one.catch(() => undefined) // it is awaited below, perhaps after others
    if (running.size >= atOnce) await Promise.race(running)
  }
  await Promise.all(running)
}
