import { invariant } from '../../../kernel/errors.ts'
import type { Mail } from './envelope.ts'
import { mailOf } from './receiver.ts'
import type { ReceiverRow } from './store.ts'

/** A plain-text e-mail to all addressees of a receiver. The same delivery has the same message id on every try, so that a repeat is seen as one. */
export function toMail(
  receiver: ReceiverRow,
  said: { subject: string; text: string; deliveryId: string }
): Mail {
  const mail = mailOf(receiver)
  invariant(mail !== null, 'an e-mail receiver says from and to')
  return {
    server: receiver.url,
    password: receiver.secret,
    from: mail.from,
    to: mail.to,
    // A title with a line break would be another header.
    subject: said.subject.replaceAll(/\s+/g, ' ').slice(0, 200),
    text: said.text,
    messageId: `<${said.deliveryId}@${mail.from.split('@')[1] ?? 'trestle'}>`,
  }
}
