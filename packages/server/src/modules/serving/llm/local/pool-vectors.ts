/** A text as the numbers of its tokens. */
export type Encoded = Readonly<{ ids: readonly number[] }>

/** One vector of length 1 for each text, of what the model gave: a vector for each token (texts × tokens × dimensions), or for each text already. */
export function pool(
  output: { data: Float32Array; dims: readonly number[] },
  texts: readonly Encoded[],
  how: 'mean' | 'cls'
): Float32Array[] {
  const { data, dims } = output
  const size = dims.at(-1) ?? 0
  const perText = dims.length === 3 ? (dims[1] ?? 0) : 1
  return texts.map(({ ids }, text) => {
    const from = text * perText * size
    // What was filled up to the longest text is no part of this one.
    const count = dims.length === 3 && how === 'mean' ? ids.length : 1
    const vector = new Float32Array(size)
    for (let token = 0; token < count; token++)
      for (let i = 0; i < size; i++)
        vector[i] = (vector[i] ?? 0) + (data[from + token * size + i] ?? 0)
    const norm = Math.hypot(...vector)
    return norm === 0 ? vector : vector.map((value) => value / norm)
  })
}
