export type { BlobStore, Digest, StoredBlob } from './blob-store.ts'
export { createFileBlobStore } from './file-blob-store.ts'
