import { createInterface } from 'node:readline/promises'

export type Consent = 'yes' | 'no' | 'cannot-ask'

/** Asks a person; with `--yes`, or without a terminal, it does not. */
export async function askConsent(question: string, isAgreed: boolean): Promise<Consent> {
  if (isAgreed) return 'yes'
  if (!process.stdin.isTTY || !process.stderr.isTTY) return 'cannot-ask'
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim()) ? 'yes' : 'no'
  } finally {
    terminal.close()
  }
}

/** Goes on only with consent: throws when nobody can be asked, and when the answer is no. */
export async function requireConsent(question: string, isAgreed: boolean): Promise<void> {
  const consent = await askConsent(question, isAgreed)
  if (consent === 'cannot-ask')
    throw new Error('Nothing is changed: there is no terminal to ask on. Say --yes if you mean it.')
  if (consent === 'no') throw new Error('Nothing is changed.')
}
