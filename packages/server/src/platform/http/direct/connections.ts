import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Clock } from '../../../kernel/clock.ts'
import { refuse } from '../problem.ts'
import { requestIdOf } from '../request-id.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { createDateText, writeAnswerText } from './answer-text.ts'
import type { DirectAnswer, DirectRoutes } from './direct-route.ts'
import { readHead } from './request-head.ts'
import { createRouteTable, type Match } from './route-table.ts'

/** Larger heads and bodies go to Node's parser, which streams them. */
const MAX_HEAD_BYTES = 8 * 1_024
const MAX_BODY_BYTES = 256 * 1_024
/** A request that does not come whole within this time goes to Node's parser, which has limits for slow ones. */
const WHOLE_WITHIN_MS = 1_000
const SWEEP_MS = 1_000
const HEAD_END = Buffer.from('\r\n\r\n')

export interface DirectConnections {
  /** Ends idle connections now and the others after their answer. */
  close(): void
}

/**
 * Answers the direct routes on the socket itself: reading a plain POST and writing its answer in one piece costs a third of what Node's HTTP server and
 * Fastify take for it. A connection stays here while all that comes is a plain request of such a route; at the first byte of anything else it is given to
 * Node's server, with that byte, for good.
 */
export function answerDirectly(
  server: Server,
  deps: { direct: DirectRoutes; log: Logger; clock: Clock; maxBodyBytes: number }
): DirectConnections {
  const { direct, log, clock } = deps
  const dateText = createDateText(() => clock.now())
  const open = new Set<Connection>()
  let find: ((path: string) => Match | null) | null = null
  let isClosing = false
  let sweep: NodeJS.Timeout | null = null

  const [toNode] = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  if (toNode === undefined) throw new Error('an HTTP server listens for connections')
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const { letIn } = direct
    if (letIn === null || isClosing) {
      toNode.call(server, socket)
      return
    }
    find ??= createRouteTable(direct.routes)
    open.add(
      openConnection(socket, {
        find,
        letIn,
        maxBodyBytes: Math.min(MAX_BODY_BYTES, deps.maxBodyBytes),
        keepAliveSeconds: Math.floor(server.keepAliveTimeout / 1_000),
        dateText,
        log,
        clock,
        isClosing: () => isClosing,
        handOver: () => toNode.call(server, socket),
        onLeft: (connection) => open.delete(connection),
      })
    )
    sweep ??= setInterval(() => {
      const now = performance.now()
      for (const connection of open) connection.look(now, server.keepAliveTimeout)
      if (open.size > 0 || sweep === null) return
      clearInterval(sweep)
      sweep = null
    }, SWEEP_MS).unref()
  })
  return {
    close() {
      isClosing = true
      for (const connection of open) connection.endWhenIdle()
    },
  }
}

interface Connection {
  /** Ends it when it was idle for too long, and hands a request that comes too slowly over. */
  look(now: number, idleMs: number): void
  endWhenIdle(): void
}

type Deps = Readonly<{
  find: (path: string) => Match | null
  letIn: NonNullable<DirectRoutes['letIn']>
  maxBodyBytes: number
  keepAliveSeconds: number
  dateText: () => string
  log: Logger
  clock: Clock
  isClosing: () => boolean
  handOver: () => void
  onLeft: (connection: Connection) => void
}>

function openConnection(socket: Socket, deps: Deps): Connection {
  let unread: Buffer | null = null
  let isBusy = false
  let hasEnded = false
  let since = performance.now()
  // Clients repeat their head word for word: the last one is not read again.
  let last: (NonNullable<ReturnType<typeof readHead>> & Match & { bytes: Buffer }) | null = null
  const isGone = (): boolean => socket.destroyed

  const leave = (): void => {
    socket.off('data', onData)
    socket.off('end', onEnd)
    socket.off('error', onError)
    socket.off('close', leave)
    socket.off('drain', onDrain)
    deps.onLeft(connection)
  }

  const handOver = (): void => {
    leave()
    socket.pause()
    if (unread !== null) socket.unshift(unread)
    unread = null
    deps.handOver()
    socket.resume()
  }

  /** The head that begins here, with the empty line behind it; null for one that is not for us. */
  const headOf = (bytes: Buffer): typeof last | 'partly' => {
    const known = last?.bytes.byteLength ?? Infinity
    if (bytes.byteLength >= known && last?.bytes.compare(bytes, 0, known) === 0) return last
    const end = bytes.indexOf(HEAD_END)
    if (end === -1) return bytes.byteLength > MAX_HEAD_BYTES ? null : 'partly'
    const head = end > MAX_HEAD_BYTES ? null : readHead(bytes.toString('latin1', 0, end))
    const match = head === null ? null : deps.find(head.path)
    if (head === null || match === null) return null
    // Copied: it outlives the bytes that came with it.
    const own = Buffer.from(bytes.subarray(0, end + HEAD_END.byteLength))
    last = { ...head, ...match, bytes: own }
    return last
  }

  /** Takes one whole request off what is unread, if there is one. */
  const next = (): void => {
    if (unread === null) {
      if (hasEnded) socket.end()
      return
    }
    const bytes: Buffer = unread
    const head = headOf(bytes)
    if (head === 'partly') {
      if (hasEnded) socket.destroy()
      return
    }
    if (head === null || head.bodyBytes > deps.maxBodyBytes) {
      handOver()
      return
    }
    const from = head.bytes.byteLength
    const to = from + head.bodyBytes
    if (bytes.byteLength < to) {
      if (hasEnded) socket.destroy()
      return
    }
    unread = bytes.byteLength === to ? null : bytes.subarray(to)
    isBusy = true
    start(head, bytes.subarray(from, to))
  }

  const start = ({ headers, route, params }: NonNullable<typeof last>, body: Buffer): void => {
    const id = requestIdOf(headers, deps.clock)
    const answer = async (): Promise<DirectAnswer> =>
      route.answer({ ...deps.letIn(headers), id, headers, params, body, isGone })
    const refused = (error: unknown): DirectAnswer =>
      refuse(error, { id, log: deps.log }, route.refuse)
    answer()
      .catch(refused)
      .then((answer) => write(id, answer))
      // An answer that can't be written, as one with a header that none may have.
      .catch((error: unknown) => write(id, refused(error)))
      .catch((error: unknown) => {
        deps.log.error({ err: error, requestId: id }, 'an answer could not be written')
        socket.destroy()
      })
  }

  const write = (id: string, answer: DirectAnswer): void => {
    if (socket.destroyed) return
    const isLast = deps.isClosing() || (hasEnded && unread === null)
    const more = {
      requestId: id,
      date: deps.dateText(),
      keepAliveSeconds: deps.keepAliveSeconds,
      isLast,
    }
    const text = writeAnswerText(answer, more)
    const isTaken =
      'encoding' in text ? socket.write(text.data, text.encoding) : socket.write(text.data)
    since = performance.now()
    if (isLast) {
      leave()
      socket.on('error', () => socket.destroy())
      socket.end()
      return
    }
    if (!isTaken) return // goes on when the caller has read it
    done()
  }

  const done = (): void => {
    isBusy = false
    if (socket.isPaused()) socket.resume()
    if (unread !== null || hasEnded) next()
  }
  const onDrain = (): void => {
    if (isBusy) done()
  }
  const onData = (chunk: Buffer): void => {
    if (unread === null) since = performance.now()
    unread = unread === null ? chunk : Buffer.concat([unread, chunk])
    if (!isBusy) next()
    else if (unread.byteLength > deps.maxBodyBytes) socket.pause()
  }
  const onEnd = (): void => {
    hasEnded = true
    if (!isBusy) next()
  }
  const onError = (): void => void socket.destroy()

  const connection: Connection = {
    look(now, idleMs) {
      if (isBusy) return
      if (unread !== null && now - since > WHOLE_WITHIN_MS) handOver()
      else if (unread === null && now - since > idleMs) socket.destroy()
    },
    endWhenIdle() {
      if (!isBusy) socket.destroy()
    },
  }
  socket.on('data', onData)
  socket.on('end', onEnd)
  socket.on('error', onError)
  socket.on('close', leave)
  socket.on('drain', onDrain)
  return connection
}
