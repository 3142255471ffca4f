/**
 * Replays `hour.csv` of the UCI bike-sharing data (Fanaee-T and Gama, 2013, doi
 * 10.1007/s13748-013-0040-3) as traffic: one prediction request per hour, the weather row that a feature
 * view would hold by then, and the rentals that become known later.
 *
 * The file gives local time in Washington without a zone; it is replayed as if it were UTC, so that no
 * hour is missing or doubled when clocks change.
 */
const HOUR_MS = 3_600_000

/** The models' input, in order: the first four come with the request, the rest from the feature view `weather`. */
export const MODEL_COLUMNS = [
  'hr',
  'holiday',
  'weekday',
  'workingday',
  'weathersit',
  'temp',
  'atemp',
  'hum',
  'windspeed',
] as const

/** A row of the `weather` view. Temperatures, humidity and wind are scaled to about [0, 1] in the source. */
export type WeatherRow = Readonly<{
  station: string
  event_timestamp: number
  created: number
  /** 1 clear … 4 heavy rain or snow. */
  weathersit: number
  temp: number
  atemp: number
  hum: number
  windspeed: number
}>

export type Hour = Readonly<{
  /** Names the hour: `2011-01-01T05`. */
  hour_id: string
  station: string
  /** The start of the hour, ms. */
  event_timestamp: number
  request: Readonly<{ hr: number; holiday: number; weekday: number; workingday: number }>
  weather: WeatherRow
  /** Bikes rented during the hour, and when that is known. */
  label: Readonly<{ cnt: number; known_at: number }>
}>

export type ReplayOptions = Readonly<{
  /** How long after the end of the hour its rentals are known. Two hours by default. */
  labelDelayMs?: number
  /** Only hours from this day on, and up to and including this one; `2011-03-01`. */
  from?: string
  until?: string
}>

/**
 * The hours of `hour.csv` in order of time. Throws on a missing column, on a field that is no number and
 * on hours out of order, and names the line.
 */
export function* replayHours(csv: string, options: ReplayOptions = {}): Generator<Hour> {
  const { labelDelayMs = 2 * HOUR_MS, from = '', until = '9999' } = options
  const [header = '', ...lines] = csv.split(/\r?\n/)
  const columns = header.split(',')
  let last = -Infinity
  for (const [index, line] of lines.entries()) {
    if (line === '') continue
    const where = `line ${index + 2}`
    const field = fieldReader(columns, { line, where })
    const day = field.text('dteday')
    const at = Date.parse(`${day}T00:00:00Z`) + field.number('hr') * HOUR_MS
    if (Number.isNaN(at)) throw new Error(`${where}: dteday "${day}" is not a day`)
    if (at <= last) throw new Error(`${where}: the hour is not after the one before it`)
    last = at
    if (day >= from && day <= until) yield readHour(field, { at, labelDelayMs })
  }
}

/** One model row, in the order of `MODEL_COLUMNS`. */
export function modelInput({ request, weather }: Pick<Hour, 'request' | 'weather'>): number[] {
  return [
    request.hr,
    request.holiday,
    request.weekday,
    request.workingday,
    weather.weathersit,
    weather.temp,
    weather.atemp,
    weather.hum,
    weather.windspeed,
  ]
}

type FieldReader = { text: (column: string) => string; number: (column: string) => number }

function fieldReader(
  columns: readonly string[],
  row: { line: string; where: string }
): FieldReader {
  const fields = row.line.split(',')
  const text = (column: string) => {
    const value = fields[columns.indexOf(column)]
    if (value === undefined) throw new Error(`${row.where}: there is no ${column}`)
    return value
  }
  const number = (column: string) => {
    const value = text(column)
    const parsed = value.trim() === '' ? NaN : Number(value)
    if (!Number.isFinite(parsed))
      throw new Error(`${row.where}: ${column} is "${value}", not a number`)
    return parsed
  }
  return { text, number }
}

function readHour(field: FieldReader, when: { at: number; labelDelayMs: number }): Hour {
  const { at, labelDelayMs } = when
  const { number } = field
  const station = 'dc'
  return {
    hour_id: new Date(at).toISOString().slice(0, 13),
    station,
    event_timestamp: at,
    request: {
      hr: number('hr'),
      holiday: number('holiday'),
      weekday: number('weekday'),
      workingday: number('workingday'),
    },
    weather: {
      station,
      event_timestamp: at,
      created: at,
      weathersit: number('weathersit'),
      temp: number('temp'),
      atemp: number('atemp'),
      hum: number('hum'),
      windspeed: number('windspeed'),
    },
    label: { cnt: number('cnt'), known_at: at + HOUR_MS + labelDelayMs },
  }
}
