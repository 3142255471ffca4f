import type { FeatureType } from '@trestle/contract'
import type { Value } from '../value.ts'
import type { Node } from './expression.ts'

/** Computes a value from the input slots. */
export type Compiled = (slots: readonly Value[]) => Value

type Static = 'number' | 'string' | 'bool' | 'null'
type Typed = Readonly<{ run: Compiled; type: Static }>

/** Where each name lies among the slots, and what type it has. */
export type Slots = ReadonlyMap<string, Readonly<{ index: number; type: FeatureType }>>

export type CompileResult = { kind: 'ok'; run: Compiled } | { kind: 'error'; message: string }

/**
 * Makes an expression a function, with SQL's nulls: anything of null is null, AND and OR know three values. Types are checked here,
 * so that a wrong one is refused when it is declared. Arithmetic is in doubles; division by zero and a logarithm of nothing are null.
 */
export function compileExpression(tree: Node, slots: Slots, result: FeatureType): CompileResult {
  try {
    const typed = compile(tree, slots)
    if (typed.type !== 'null' && typed.type !== staticOf(result))
      return { kind: 'error', message: `gives a ${typed.type}, and is declared ${result}` }
    const shape = shaper(result)
    return { kind: 'ok', run: (values) => shape(typed.run(values)) }
  } catch (error) {
    if (error instanceof TypeError) return { kind: 'error', message: error.message }
    throw error
  }
}

function compile(node: Node, slots: Slots): Typed {
  switch (node.kind) {
    case 'literal': {
      const { value } = node
      const type = value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value
      return { run: () => value, type: type as Static } // string, number, bool or null: the literal has no other
    }
    case 'name': {
      const slot = slots.get(node.name)
      if (slot === undefined) throw new TypeError(`no input "${node.name}"`)
      const { index } = slot
      return { run: (values) => values[index] ?? null, type: staticOf(slot.type) }
    }
    case 'unary': {
      const of = compile(node.of, slots)
      if (node.op === 'NOT') {
        need(of, 'bool', 'NOT')
        return { type: 'bool', run: (v) => mapNull(of.run(v), (x) => x !== true) }
      }
      need(of, 'number', '-')
      return { type: 'number', run: (v) => mapNull(of.run(v), (x) => -Number(x)) }
    }
    case 'binary':
      return compileBinary(node.op, compile(node.left, slots), compile(node.right, slots))
    case 'is-null': {
      const of = compile(node.of, slots)
      return { type: 'bool', run: (v) => (of.run(v) === null) !== node.negated }
    }
    case 'in': {
      const tests = node.list.map((item) =>
        compileBinary('=', compile(node.of, slots), compile(item, slots))
      )
      const any = tests.reduce((a, b) => compileBinary('OR', a, b))
      return node.negated
        ? { type: 'bool', run: (v) => mapNull(any.run(v), (x) => x !== true) }
        : any
    }
    case 'case': {
      const whens = node.when.map(({ test, then }) => ({
        test: compile(test, slots),
        then: compile(then, slots),
      }))
      for (const { test } of whens) need(test, 'bool', 'WHEN')
      const otherwise = compile(node.otherwise, slots)
      return {
        type: common([...whens.map((w) => w.then), otherwise], 'CASE'),
        run: (v) => (whens.find((w) => w.test.run(v) === true)?.then ?? otherwise).run(v),
      }
    }
    case 'call':
      return compileCall(
        node.name,
        node.args.map((a) => compile(a, slots))
      )
  }
}

function compileBinary(op: string, left: Typed, right: Typed): Typed {
  const both = (
    type: Static,
    f: (a: Exclude<Value, null>, b: Exclude<Value, null>) => Value
  ): Typed => ({
    type,
    run: (v) => {
      const a = left.run(v)
      if (a === null) return null
      const b = right.run(v)
      return b === null ? null : f(a, b)
    },
  })
  if (op === 'AND' || op === 'OR') {
    need(left, 'bool', op)
    need(right, 'bool', op)
    const decides = op === 'OR'
    return {
      type: 'bool',
      run: (v) => {
        const a = left.run(v)
        if (a === decides) return decides
        const b = right.run(v)
        if (b === decides) return decides
        return a === null || b === null ? null : !decides
      },
    }
  }
  if (op === '||') {
    need(left, 'string', op)
    need(right, 'string', op)
    return both('string', (a, b) => String(a) + String(b))
  }
  const compared = COMPARE[op]
  if (compared !== undefined) {
    common([left, right], op)
    return both('bool', compared)
  }
  const arithmetic = ARITHMETIC[op]
  if (arithmetic === undefined) throw new TypeError(`no operator ${op}`)
  need(left, 'number', op)
  need(right, 'number', op)
  return both('number', (a, b) => finite(arithmetic(Number(a), Number(b))))
}

const COMPARE: Readonly<
  Record<string, (a: Exclude<Value, null>, b: Exclude<Value, null>) => boolean>
> = {
  '=': (a, b) => a === b || (typeof a !== typeof b && a == b), // a 64-bit integer may be a bigint on one side only
  '<>': (a, b) => a != b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0 ? NaN : a / b),
  '%': (a, b) => (b === 0 ? NaN : a % b),
}

const MATHS: Readonly<Record<string, (...x: number[]) => number>> = {
  ABS: Math.abs,
  CEIL: Math.ceil,
  EXP: Math.exp,
  FLOOR: Math.floor,
  LN: (x = NaN) => (x > 0 ? Math.log(x) : NaN),
  LOG10: (x = NaN) => (x > 0 ? Math.log10(x) : NaN),
  POWER: Math.pow,
  ROUND: (x = NaN, digits = 0) => {
    const scale = 10 ** digits
    return (Math.sign(x) * Math.round(Math.abs(x) * scale)) / scale
  },
  SQRT: Math.sqrt,
}

function compileCall(name: string, args: readonly Typed[]): Typed {
  const maths = MATHS[name]
  if (maths !== undefined) {
    for (const arg of args) need(arg, 'number', name)
    return {
      type: 'number',
      run: (v) => {
        const given = args.map((a) => a.run(v))
        return given.includes(null) ? null : finite(maths(...given.map(Number)))
      },
    }
  }
  const first = args[0]
  if (first === undefined) throw new TypeError(`${name} needs an argument`)
  switch (name) {
    case 'COALESCE':
      return {
        type: common(args, name),
        run: (v) => {
          for (const arg of args) {
            const value = arg.run(v)
            if (value !== null) return value
          }
          return null
        },
      }
    case 'GREATEST':
    case 'LEAST': {
      const wins = name === 'GREATEST' ? COMPARE['>'] : COMPARE['<']
      return {
        type: common(args, name),
        run: (v) =>
          args
            .map((a) => a.run(v))
            .reduce(
              (best, x) =>
                x === null ? best : best === null || wins?.(x, best) === true ? x : best,
              null
            ),
      }
    }
    case 'NULLIF': {
      const equal = compileBinary('=', first, args[1] ?? first)
      return { type: first.type, run: (v) => (equal.run(v) === true ? null : first.run(v)) }
    }
    case 'LENGTH':
      need(first, 'string', name)
      return {
        type: 'number',
        run: (v) => mapNull(first.run(v), (x) => Array.from(String(x)).length),
      }
    case 'LOWER':
    case 'UPPER':
      need(first, 'string', name)
      return {
        type: 'string',
        run: (v) =>
          mapNull(first.run(v), (x) =>
            name === 'LOWER' ? String(x).toLowerCase() : String(x).toUpperCase()
          ),
      }
    default:
      throw new TypeError(`no function ${name}`)
  }
}

const mapNull = (value: Value, f: (x: Exclude<Value, null>) => Value): Value =>
  value === null ? null : f(value)
const finite = (x: number): number | null => (Number.isNaN(x) ? null : x)

function need(typed: Typed, type: Static, where: string): void {
  if (typed.type !== type && typed.type !== 'null')
    throw new TypeError(`${where} needs a ${type}, not a ${typed.type}`)
}

function common(all: readonly Typed[], where: string): Static {
  const types = new Set(all.map((t) => t.type).filter((t) => t !== 'null'))
  if (types.size > 1) throw new TypeError(`${where} mixes ${[...types].join(' and ')}`)
  return [...types][0] ?? 'null'
}

function staticOf(type: FeatureType): Static {
  if (type === 'string') return 'string'
  return type === 'bool' ? 'bool' : 'number'
}

/** Brings a result to its declared type as SQL's CAST does: integers are rounded, and null where they don't fit. */
function shaper(type: FeatureType): (value: Value) => Value {
  if (type === 'float32') return (v) => (v === null ? null : Math.fround(Number(v)))
  if (type === 'float64') return (v) => (v === null ? null : Number(v))
  if (type === 'string' || type === 'bool') return (v) => v
  const limit = type === 'int32' ? 2_147_483_647 : Number.MAX_SAFE_INTEGER
  return (v) => {
    if (v === null || typeof v === 'bigint') return type === 'int32' ? null : v
    const rounded = Math.round(Number(v))
    return Math.abs(rounded) <= limit ? rounded : null
  }
}
