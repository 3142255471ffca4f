/**
 * The page for a link that MLflow's clients print (`http://host/#/experiments/1/runs/…`, `#/models/fraud/versions/3`), or null for any other hash.
 */
export function pageOfMlflowLink(hash: string): string | null {
  const path = hash.startsWith('#/') ? (hash.slice(1).split('?')[0] ?? '') : ''
  if (/^\/experiments\/[^/]+(\/runs\/[^/]+)?$/.test(path)) return path
  const version = /^\/models\/([^/]+)(?:\/versions\/(\d+))?$/.exec(path)
  if (version === null) return null
  return version[2] === undefined ? path : `/models/${version[1] ?? ''}/${version[2]}`
}
