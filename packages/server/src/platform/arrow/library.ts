import { zstdDecompressSync } from 'node:zlib'
import type * as Library from 'apache-arrow'

let loading: Promise<typeof Library> | null = null

/** Apache Arrow's own library, at its first use, with the compressions that its files may have. */
export function loadArrow(): Promise<typeof Library> {
  return (loading ??= (async () => {
    const [library, lz4] = await Promise.all([import('apache-arrow'), import('lz4-napi')])
    const { compressionRegistry, CompressionType } = library
    compressionRegistry.set(CompressionType.LZ4_FRAME, {
      decode: (data) => lz4.decompressFrameSync(Buffer.from(data)),
    })
    compressionRegistry.set(CompressionType.ZSTD, { decode: (data) => zstdDecompressSync(data) })
    return library
  })())
}
