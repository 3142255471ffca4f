import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { MODEL_COLUMNS, modelInput, replayHours } from './replay.ts'

const HEADER =
  'instant,dteday,season,yr,mnth,hr,holiday,weekday,workingday,weathersit,temp,atemp,hum,windspeed,casual,registered,cnt'
const FIRST = '1,2011-01-01,1,0,1,0,0,6,0,1,0.24,0.2879,0.81,0,3,13,16'
const SECOND = '2,2011-01-01,1,0,1,1,0,6,0,2,0.22,0.2727,0.8,0.1,8,32,40'
const csv = (...lines: string[]) => [HEADER, ...lines, ''].join('\n')

test('an hour carries its request, its weather by the start of the hour, and its rentals later', () => {
  const [, hour] = replayHours(csv(FIRST, SECOND))
  const at = Date.UTC(2011, 0, 1, 1)
  expect(hour).toEqual({
    hour_id: '2011-01-01T01',
    station: 'dc',
    event_timestamp: at,
    request: { hr: 1, holiday: 0, weekday: 6, workingday: 0 },
    weather: {
      station: 'dc',
      event_timestamp: at,
      created: at,
      weathersit: 2,
      temp: 0.22,
      atemp: 0.2727,
      hum: 0.8,
      windspeed: 0.1,
    },
    label: { cnt: 40, known_at: at + 3 * 3_600_000 },
  })
  expect(modelInput(hour!)).toEqual([1, 0, 6, 0, 2, 0.22, 0.2727, 0.8, 0.1])
  expect(MODEL_COLUMNS).toHaveLength(9)
})

test('a fault in the file is named with its line', () => {
  const read = (text: string) => () => [...replayHours(text)]
  expect(read(csv(SECOND, FIRST))).toThrow('line 3: the hour is not after the one before it')
  expect(read(csv(FIRST.replace('0.81', 'wet')))).toThrow('line 2: hum is "wet", not a number')
  expect(read(csv(FIRST.replace('0.81', '')))).toThrow('line 2: hum is "", not a number')
  expect(read(csv(FIRST.slice(0, -3)))).toThrow('line 2: there is no cnt')
  expect(read(csv(FIRST.replace('2011-01-01', '2011-13-41')))).toThrow('is not a day')
})

const path =
  process.env['BIKE_SHARING_CSV'] ??
  fileURLToPath(new URL('../../../../shared/data/bike-sharing/hour.csv', import.meta.url))
const isThere = existsSync(path)
if (!isThere) console.log(`skipped: no bike-sharing data; set BIKE_SHARING_CSV to hour.csv`)

describe.skipIf(!isThere)('the real file', () => {
  const text = isThere ? readFileSync(path, 'utf8') : ''

  test('is replayed whole: 17,379 hours of two years, in order', () => {
    const hours = [...replayHours(text)]
    expect(hours).toHaveLength(17_379)
    expect(hours[0]?.hour_id).toBe('2011-01-01T00')
    expect(hours.at(-1)?.hour_id).toBe('2012-12-31T23')
    expect(new Set(hours.map((hour) => hour.hour_id)).size).toBe(17_379)
    expect(hours.reduce((sum, hour) => sum + hour.label.cnt, 0)).toBe(3_292_679)
  })

  test('can be replayed in part, and summer is warmer than the winter a model began with', () => {
    const winter = [...replayHours(text, { until: '2011-02-28' })]
    const summer = [...replayHours(text, { from: '2011-06-01', until: '2011-08-31' })]
    expect(winter).toHaveLength(1_337)
    const temp = (hours: typeof winter) =>
      hours.reduce((sum, hour) => sum + hour.weather.temp, 0) / hours.length
    expect(temp(summer)).toBeGreaterThan(2.5 * temp(winter))
  })
})
