/** Parts of a protobuf message; a message is its parts end to end. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  while (left > 127) {
    bytes.push((left % 128) | 128)
    left = Math.floor(left / 128)
  }
  return Buffer.from([...bytes, left])
}

/** A whole number of 0 or more. */
export const numberField = (number: number, value: number): Buffer =>
  Buffer.concat([varint(number * 8), varint(value)])

/** A message or bytes, given in parts. */
export function bytesField(number: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0)
  return Buffer.concat([varint(number * 8 + 2), varint(length), ...parts])
}

export const textField = (number: number, text: string): Buffer =>
  bytesField(number, Buffer.from(text, 'utf8'))
