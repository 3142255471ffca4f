import type { HttpMessage, Mail, Message } from './envelope.ts'

/** Sends a message, or throws saying why it did not arrive. */
export type Send = (message: Message, signal: AbortSignal) => Promise<void>

/** Sends over HTTP or SMTP, as the message asks. */
export const send: Send = (message, signal) =>
  'server' in message ? sendMail(message, signal) : sendByHttp(message, signal)

/** Redirects are not followed: an alert goes where it was told to go. */
async function sendByHttp(message: HttpMessage, signal: AbortSignal): Promise<void> {
  const response = await fetch(message.url, {
    method: 'POST',
    headers: message.headers,
    body: message.body,
    redirect: 'manual',
    signal,
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`The receiver answered ${response.status}`)
}

const LOOPBACK = /^(localhost|127\.|\[::1\]$)/
const SMTP_WAIT_MS = 8_000

/** A password never travels in the clear: without `smtps:`, a server off this machine must offer STARTTLS. */
async function sendMail(mail: Mail, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { createTransport } = await import('nodemailer')
  const server = new URL(mail.server)
  const isTls = server.protocol === 'smtps:'
  const hasLogin = server.username !== ''
  const transport = createTransport({
    host: server.hostname,
    port: server.port === '' ? (isTls ? 465 : 587) : Number(server.port),
    secure: isTls,
    requireTLS: hasLogin && !isTls && !LOOPBACK.test(server.hostname),
    connectionTimeout: SMTP_WAIT_MS,
    greetingTimeout: SMTP_WAIT_MS,
    socketTimeout: SMTP_WAIT_MS,
    ...(hasLogin
      ? { auth: { user: decodeURIComponent(server.username), pass: mail.password ?? '' } }
      : {}),
  })
  const { from, subject, text, messageId } = mail
  const close = (): void => transport.close()
  signal.addEventListener('abort', close)
  try {
    await transport.sendMail({ from, to: [...mail.to], subject, text, messageId })
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}
