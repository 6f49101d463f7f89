export interface RedisOptions {
  /** Keep an append-only file, written at every command. Otherwise all is in memory. */
  persistent?: boolean
  /** Default: a free one. */
  port?: number
  /** Where a persistent server keeps its file. Default: a new temporary folder. A container has its own. */
  dir?: string
  /** More arguments for the server. */
  args?: string[]
}

/** One Redis that a test may treat badly. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Ends it for good; calling it again is harmless. */
  stop(): Promise<void>
  /** SIGKILL: nothing is flushed, no connection is closed politely. */
  kill(): Promise<void>
  /** A server on the same port and folder again, after `kill` or instead of the one that runs. */
  restart(): Promise<void>
  /** Stops its clock: connections stay open and nothing answers. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
