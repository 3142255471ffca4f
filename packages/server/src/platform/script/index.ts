/** Code that people bring, run in processes without rights. */
export { startScript, type ScriptProcess } from './script-process.ts'
