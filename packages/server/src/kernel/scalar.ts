/** One value of a feature, an input or an output. 64-bit integers beyond 2^53 come as bigint. */
export type Scalar = number | bigint | string | boolean
