import { config } from 'zod'

// Must run before any schema is made: zod would try `new Function`, which the content security policy rightly refuses and reports.
config({ jitless: true })
