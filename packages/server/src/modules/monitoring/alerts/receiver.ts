import type { ReceiverInput } from '@trestle/contract'
import { fail } from '../../../platform/errors.ts'
import { PAGERDUTY_URL } from './pagerduty.ts'
import type { ReceiverRow } from './store.ts'

const LEAST_SECRET = 16

/** A receiver that can be reached as its kind is. Throws `request.invalid` naming what is missing or of another kind. */
export function toReceiverRow(
  input: ReceiverInput,
  about: { project: string; createdAt: number }
): ReceiverRow {
  const invalid = (text: string) => fail('request.invalid', text)
  const url = input.url ?? (input.kind === 'pagerduty' ? PAGERDUTY_URL : undefined)
  if (url === undefined) throw invalid('url: say where to send')
  const isMail = input.kind === 'email'
  const { protocol, username, password } = new URL(url)
  if (protocol.startsWith('smtp') !== isMail)
    throw invalid(isMail ? 'url: e-mail goes to smtp:// or smtps://' : 'url: not http or https')
  if (isMail && input.mail === null) throw invalid('mail: say who the e-mail is from and to')
  if (!isMail && input.mail !== null) throw invalid('mail: only for receivers of kind email')
  if (isMail && password !== '')
    throw invalid('url: put the password in `secret`, which is never shown')
  if (isMail && username !== '' && input.secret === null)
    throw invalid('secret: the password of the user in the url')
  if (input.kind === 'pagerduty' && input.secret === null)
    throw invalid('secret: the routing key of an Events API v2 integration')
  if (input.kind === 'webhook' && input.secret !== null && input.secret.length < LEAST_SECRET)
    throw invalid(`secret: at least ${LEAST_SECRET} characters`)
  return {
    project: about.project,
    name: input.name,
    kind: input.kind,
    url,
    secret: input.secret,
    mail_json: input.mail === null ? null : JSON.stringify(input.mail),
    created_at: about.createdAt,
  }
}

export const mailOf = (row: ReceiverRow): ReceiverInput['mail'] =>
  row.mail_json === null ? null : (JSON.parse(row.mail_json) as ReceiverInput['mail']) // written by this module
