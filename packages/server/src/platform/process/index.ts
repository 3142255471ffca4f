export { createCalls } from './calls.ts'
export { keepProcess, type Host } from './kept-process.ts'
