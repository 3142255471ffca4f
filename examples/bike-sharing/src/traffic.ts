import type { TrestleClient } from '@trestle/sdk'
import type { Facts } from './facts.ts'
import type { Hour } from './replay.ts'

/** What every chapter of the scenario works with. */
export type Scenario = Readonly<{
  client: TrestleClient
  facts: Facts
  csv: { path: string; text: string }
  python: string
}>

/** An answered hour. */
export type Answered = Readonly<{
  hour: Hour
  predictionId: string
  variant: string
  predicted: number
}>

/** Plays hours against an endpoint in their order, and tells the truth of each once it is known. */
export type Traffic = Readonly<{
  send(hours: readonly Hour[]): Promise<readonly Answered[]>
  /** Lets time pass without requests until every label is known and told. */
  settle(): Promise<void>
}>

/** Labels are told once a replayed day, as a nightly job would. */
const LABEL_EVERY_HOURS = 24

export function createTraffic(client: TrestleClient, endpoint: string): Traffic {
  let untold: Answered[] = []
  let hoursSinceLabels = 0

  const tell = async (now: number): Promise<void> => {
    const known = untold.filter(({ hour }) => hour.label.known_at <= now)
    if (known.length === 0) return
    untold = untold.filter(({ hour }) => hour.label.known_at > now)
    await client.monitoring.postLabels({
      labels: known.map(({ hour, predictionId }) => ({ predictionId, value: hour.label.cnt })),
    })
  }

  /** One after the other: the weather of the next hour must not be there yet when this one is predicted. */
  const ask = async (hour: Hour): Promise<Answered> => {
    await client.features.push({ view: 'weather', rows: [toRow(hour)] })
    const { predictionId, variant, outputs } = await client.predict(endpoint, {
      station: hour.station,
      hour_id: hour.hour_id,
      ...hour.request,
    })
    const predicted = outputs['prediction']
    if (typeof predicted !== 'number')
      throw new Error(`${hour.hour_id}: the answer has no number "prediction"`)
    return { hour, predictionId, variant, predicted }
  }

  return {
    async send(hours) {
      const answered: Answered[] = []
      for (const hour of hours) {
        const answer = await ask(hour)
        answered.push(answer)
        untold.push(answer)
        hoursSinceLabels++
        if (hoursSinceLabels < LABEL_EVERY_HOURS) continue
        hoursSinceLabels = 0
        await tell(hour.event_timestamp)
      }
      return answered
    },
    settle: () => tell(Infinity),
  }
}

const toRow = ({ weather }: Hour) => ({ ...weather })

/** Mean absolute error, rentals per hour. */
export const maeOf = (answers: readonly Answered[]): number =>
  answers.reduce((sum, { hour, predicted }) => sum + Math.abs(predicted - hour.label.cnt), 0) /
  answers.length

/** The answers by month, `2011-03`. */
export const byMonth = (answers: readonly Answered[]): Map<string, Answered[]> =>
  Map.groupBy(answers, ({ hour }) => hour.hour_id.slice(0, 7))
