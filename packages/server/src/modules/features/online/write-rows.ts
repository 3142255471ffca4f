import type { ReadTexts, TextPlan } from './read-texts.ts'

/** The native answer, row by row: a packed value is its own JSON. */
export function writeRows(
  plan: TextPlan,
  found: readonly ReadTexts[],
  { count, at }: { count: number; at: number }
): string {
  let values = ''
  let statuses = ''
  let eventTimes = ''
  for (let i = 0; i < count; i++) {
    const comma = i === 0 ? '[' : '],['
    values += comma
    statuses += comma
    eventTimes += comma
    for (let o = 0; o < plan.outputs.length; o++) {
      const output = plan.outputs[o]
      const read = found[output?.read ?? -1]
      if (output === undefined || read === undefined) continue
      const row = read.texts[i] ?? null
      const text = row === null ? output.missing : (row[output.at] ?? 'null')
      const status = read.statuses[i] ?? 'NOT_FOUND'
      const us = read.eventsUs[i] ?? null
      const sep = o === 0 ? '' : ','
      values += sep + text
      statuses += `${sep}"${status === 'PRESENT' && text === 'null' ? 'NULL_VALUE' : status}"`
      eventTimes += `${sep}${us === null ? 'null' : Math.floor(us / 1000)}`
    }
  }
  const close = count === 0 ? '' : ']'
  return `{"at":${at},"names":${namesOf(plan)},"values":[${values}${close}],"statuses":[${statuses}${close}],"eventTimes":[${eventTimes}${close}]}`
}

const names = new WeakMap<TextPlan, string>()

function namesOf(plan: TextPlan): string {
  let text = names.get(plan)
  if (text === undefined)
    names.set(plan, (text = JSON.stringify(plan.outputs.map(({ output }) => output.name))))
  return text
}
