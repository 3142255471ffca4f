import type { IncomingHttpHeaders } from 'node:http'

const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(:\d+)?$/

/**
 * Whether a request without a key may come from a browser page of ours or a program. A page of another site could otherwise drive a
 * login-free server on the visitor's own machine: by a cross-site request (`Origin` differs from `Host`) or by DNS rebinding (`Host` is not loopback).
 */
export function isOwnOrigin(headers: IncomingHttpHeaders): boolean {
  const host = headers.host
  if (host === undefined || !LOOPBACK.test(host)) return false
  const origin = headers.origin
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === host
}
