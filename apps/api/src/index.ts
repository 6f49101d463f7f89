export * from './app.ts'
export * from './config.ts'
export * from './bounds.ts'
export * from './open.ts'
