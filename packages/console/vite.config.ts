import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defaultClientConditions, defineConfig } from 'vite'
import { precompress } from './precompress.ts'

const SERVER = 'http://127.0.0.1:4400'

export default defineConfig({
  plugins: [react(), precompress()],
  resolve: {
    conditions: ['@trestle/source', ...defaultClientConditions],
    alias: [
      { find: /^zod$/, replacement: fileURLToPath(new URL('./src/lib/zod.ts', import.meta.url)) },
    ],
  },
  build: {
    target: 'es2023',
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/api': SERVER, '/ajax-api': SERVER, '/v2': SERVER, '/docs': SERVER } },
})
