export * from './config.ts'
export * from './open.ts'
