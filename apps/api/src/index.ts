export * from './app.ts'
export * from './config.ts'
export * from './limits.ts'
export * from './open.ts'
