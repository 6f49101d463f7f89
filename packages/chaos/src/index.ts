export { runFromCommandLine } from './command.ts'
