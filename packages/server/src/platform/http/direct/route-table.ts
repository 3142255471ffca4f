import type { DirectRoute } from './direct-route.ts'

export type Match = Readonly<{ route: DirectRoute; params: readonly string[] }>

/** Finds the route of a path; null when it is none of these. */
export function createRouteTable(routes: readonly DirectRoute[]): (path: string) => Match | null {
  const patterns = routes.map((route) => ({
    route,
    pattern: new RegExp(`^${route.url.replace(/:\w+/g, '([^/]+)')}$`),
  }))
  return (path) => {
    for (const { route, pattern } of patterns) {
      const found = pattern.exec(path)
      if (found !== null) return { route, params: found.slice(1) }
    }
    return null
  }
}
