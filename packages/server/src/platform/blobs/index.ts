export type { BlobStore, Digest } from './blob-store.ts'
export { createFileBlobStore } from './file-blob-store.ts'
