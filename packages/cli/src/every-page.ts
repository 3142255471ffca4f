type Page<T> = { items: T[]; nextPageToken: string | null }

/** The first `limit` items of a paged list, from as many pages as that takes. */
export async function firstItems<T>(
  read: (query: { limit: number; pageToken?: string }) => Promise<Page<T>>,
  limit: number
): Promise<T[]> {
  const items: T[] = []
  let pageToken: string | null = null
  do {
    const page: Page<T> = await read({
      limit: Math.min(1000, limit - items.length),
      ...(pageToken === null ? {} : { pageToken }),
    })
    items.push(...page.items)
    pageToken = page.nextPageToken
  } while (pageToken !== null && items.length < limit)
  return items
}
