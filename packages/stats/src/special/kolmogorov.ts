import { logChoose } from './gamma.ts'

const PI_SQUARED = Math.PI * Math.PI

/** P(K > x) of Kolmogorov's limiting distribution of sqrt(n) D. */
export function kolmogorovSf(x: number): number {
  if (Number.isNaN(x)) return NaN
  if (x <= 0) return 1
  if (x < 1) return 1 - thetaCdf(x)
  let sum = 0
  for (let k = 1; k <= 20; k++) sum += (k % 2 === 1 ? 1 : -1) * Math.exp(-2 * k * k * x * x)
  return 2 * sum
}

/**
 * P(D_n > d) of the one-sample Kolmogorov statistic for `n` values: exact (Marsaglia, Tsang and Wang 2003) up to
 * n = 1000, then Pelz and Good's expansion (Simard and L'Ecuyer 2011, error below 1e-7); far in the tail
 * twice Smirnov's one-sided sum, which is exact there to ten digits.
 */
export function kolmogorovOneSampleSf(d: number, n: number): number {
  if (Number.isNaN(d) || !(n >= 1)) return NaN
  if (d <= 0.5 / n) return 1
  if (d >= 1) return 0
  if (n * d * d > 3.5 || d >= 0.5) return Math.min(1, 2 * smirnovSf(d, n))
  return 1 - (n <= 1000 ? matrixCdf(d, n) : pelzGoodCdf(Math.sqrt(n) * d, n))
}

function thetaCdf(x: number): number {
  let sum = 0
  for (let k = 1; k <= 9; k += 2) sum += Math.exp((-k * k * PI_SQUARED) / (8 * x * x))
  return (Math.sqrt(2 * Math.PI) / x) * sum
}

// Birnbaum and Tingey's finite sum for P(D+ > d).
function smirnovSf(d: number, n: number): number {
  let sum = 0
  for (let j = 0; j <= Math.floor(n * (1 - d)); j++) {
    const at = d + j / n
    const rest = 1 - at
    if (rest < 0) break
    const log =
      logChoose(n, j) + (n - j > 0 && rest > 0 ? (n - j) * Math.log(rest) : n === j ? 0 : -Infinity)
    sum += Math.exp(log + (j - 1) * Math.log(at))
  }
  return d * sum
}

function matrixCdf(d: number, n: number): number {
  const k = Math.floor(n * d) + 1
  const size = 2 * k - 1
  const h = k - n * d
  const matrix = startMatrix(size, h)
  const power = matrixPower(matrix, size, n)
  let value = power.values[(k - 1) * size + (k - 1)]!
  let exponent = power.exponent
  for (let i = 1; i <= n; i++) {
    value = (value * i) / n
    if (value < 1e-140) {
      value *= 1e140
      exponent -= 140
    }
  }
  return value * 10 ** exponent
}

function startMatrix(size: number, h: number): Float64Array {
  const matrix = new Float64Array(size * size)
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) matrix[i * size + j] = i - j + 1 < 0 ? 0 : 1
  for (let i = 0; i < size; i++) {
    matrix[i * size] = matrix[i * size]! - h ** (i + 1)
    matrix[(size - 1) * size + i] = matrix[(size - 1) * size + i]! - h ** (size - i)
  }
  const corner = (size - 1) * size
  if (2 * h - 1 > 0) matrix[corner] = matrix[corner]! + (2 * h - 1) ** size
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++)
      for (let g = 2; g <= i - j + 1; g++) matrix[i * size + j] = matrix[i * size + j]! / g
  return matrix
}

type Scaled = { values: Float64Array; exponent: number }

function matrixPower(matrix: Float64Array, size: number, n: number): Scaled {
  if (n === 1) return { values: matrix, exponent: 0 }
  const half = matrixPower(matrix, size, Math.floor(n / 2))
  let values = multiply(half.values, half.values, size)
  if (n % 2 === 1) values = multiply(matrix, values, size)
  let exponent = 2 * half.exponent
  const middle = values[Math.floor(size / 2) * (size + 1)]!
  if (middle > 1e140) {
    values = values.map((value) => value * 1e-140)
    exponent += 140
  }
  return { values, exponent }
}

function multiply(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const product = new Float64Array(size * size)
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) {
      const left = a[i * size + k]!
      if (left === 0) continue
      for (let j = 0; j < size; j++)
        product[i * size + j] = product[i * size + j]! + left * b[k * size + j]!
    }
  return product
}

function pelzGoodCdf(z: number, n: number): number {
  const z2 = z * z
  const z4 = z2 * z2
  const z6 = z4 * z2
  const sums = [0, 0, 0, 0]
  for (let k = 0; k <= 20; k++) {
    const a = PI_SQUARED * (k + 0.5) ** 2
    const atHalf = 2 * Math.exp(-a / (2 * z2)) // k and -k-1 contribute alike
    const b = PI_SQUARED * k * k
    const atWhole = k === 0 ? 0 : 2 * Math.exp(-b / (2 * z2))
    sums[0]! += (atHalf * 1) / z
    sums[1]! += (atHalf * (a - z2)) / (6 * z4)
    sums[2]! +=
      (atHalf * (6 * z6 + 2 * z4 + a * (2 * z4 - 5 * z2) + a * a * (1 - 2 * z2))) / (72 * z6 * z) -
      (atWhole * b) / (36 * z2 * z)
    sums[3]! +=
      (atHalf *
        (a ** 3 * (5 - 30 * z2) +
          a * a * (-60 * z2 + 212 * z4) +
          a * (135 * z4 - 96 * z6) -
          (30 * z6 + 90 * z6 * z2))) /
        (6480 * z6 * z4) +
      (atWhole * (3 * b * z2 - b * b)) / (216 * z6)
  }
  const root = Math.sqrt(n)
  return (
    Math.sqrt(Math.PI / 2) * (sums[0]! + sums[1]! / root + sums[2]! / n + sums[3]! / (n * root))
  )
}
