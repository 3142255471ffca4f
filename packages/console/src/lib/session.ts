/** What the browser remembers. The API key lasts as long as the tab; the project and the theme last longer. */
const KEY = 'trestle.key'
const PROJECT = 'trestle.project'

export const readKey = (): string | null => sessionStorage.getItem(KEY)

export function keepKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(KEY)
  else sessionStorage.setItem(KEY, key)
}

export const readProject = (): string | null => localStorage.getItem(PROJECT)

export function keepProject(project: string): void {
  localStorage.setItem(PROJECT, project)
}
