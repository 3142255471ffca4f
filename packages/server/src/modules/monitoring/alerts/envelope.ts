/** What leaves the house: an HTTP request, or an e-mail. */
export type HttpMessage = Readonly<{ url: string; headers: Record<string, string>; body: string }>
export type Mail = Readonly<{
  /** `smtp://user@host:port` or `smtps://…`. */
  server: string
  password: string | null
  from: string
  to: readonly string[]
  subject: string
  text: string
  messageId: string
}>

export type Message = HttpMessage | Mail

export const plain = (url: string, body: unknown): HttpMessage => ({
  url,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
