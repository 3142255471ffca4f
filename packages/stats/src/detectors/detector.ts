/**
 * A streaming detector reads one value at a time and says what it sees. After 'drift' it starts afresh with the
 * next value. NaN is ignored: the
 * state stays. `State` is plain JSON: `createX(options, detector.toJSON())` goes on where the other stopped.
 */
export type Detector<State> = {
  update(value: number): Signal
  toJSON(): State
}

export type Signal = 'none' | 'warning' | 'drift'
