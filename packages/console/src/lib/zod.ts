import { config } from 'zod/v4'

// Stands for `zod` in the whole bundle (vite.config.ts), so that this runs before any schema is made, whatever the chunks: zod would try
// `new Function`, which the content security policy rightly refuses and reports.
config({ jitless: true })

export * from 'zod/v4'
