/** What was counted on each side of a move. */
export type Counts = {
  experiments: number
  runs: number
  params: number
  tags: number
  metrics: number
  datasets: number
  loggedModels: number
  models: number
  versions: number
  files: number
  bytes: number
}

export const zero = (): Counts => ({
  experiments: 0,
  runs: 0,
  params: 0,
  tags: 0,
  metrics: 0,
  datasets: 0,
  loggedModels: 0,
  models: 0,
  versions: 0,
  files: 0,
  bytes: 0,
})

const NAMES: Readonly<Record<keyof Counts, string>> = {
  experiments: 'experiments',
  runs: 'runs',
  params: 'params',
  tags: 'tags',
  metrics: 'metric values',
  datasets: 'data set inputs',
  loggedModels: 'logged models',
  models: 'registered models',
  versions: 'model versions',
  files: 'files',
  bytes: 'bytes',
}

export type CountRow = Readonly<{ what: string; there: number; here: number; isSame: boolean }>

export const compareCounts = (there: Counts, here: Counts): CountRow[] =>
  (Object.keys(NAMES) as (keyof Counts)[]).map((key) => ({
    what: NAMES[key],
    there: there[key],
    here: here[key],
    isSame: there[key] === here[key],
  }))
