import { Agent, request } from 'node:http'

export type Answer = Readonly<{ status: number; body: string; ms: number; at: number }>

/** Callers that keep their connections, as services do. */
export function createCallers(url: string, connections: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const ask = (endpoint: string, row: object): Promise<Answer> => {
    const body = JSON.stringify(row)
    const begun = performance.now()
    return new Promise((resolve, reject) => {
      const outgoing = request(`${url}/endpoints/${endpoint}/predict`, {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      })
      outgoing.on('error', reject)
      outgoing.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('error', reject)
        response.on('end', () => {
          const at = performance.now()
          resolve({ status: response.statusCode ?? 0, body: text, ms: at - begun, at })
        })
      })
      outgoing.end(body)
    })
  }

  return {
    ask,
    /** One request after the other on every connection, `count` in all. */
    async closedLoop(endpoint: string, count: number, each: (answer: Answer) => void) {
      let asked = 0
      const caller = async (): Promise<void> => {
        while (asked < count) each(await ask(endpoint, { index: asked++ % 8 }))
      }
      await Promise.all(Array.from({ length: connections }, caller))
    },
    /** At fixed times, whether or not the earlier ones were answered, until `isOver`. */
    async openLoop(
      endpoint: string,
      load: { perSecond: number; isOver: () => boolean; each: (answer: Answer) => void }
    ) {
      const begun = performance.now()
      const sent: Promise<void>[] = []
      for (let i = 0; !load.isOver(); i++) {
        const wait = begun + (i * 1_000) / load.perSecond - performance.now()
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
        sent.push(ask(endpoint, { index: i % 8 }).then(load.each))
      }
      await Promise.all(sent)
    },
    close: () => agent.destroy(),
  }
}
