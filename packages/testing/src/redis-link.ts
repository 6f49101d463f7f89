import { openLink } from './link.ts'

/** A command on its way to Redis: its name and its arguments. */
export type RedisCommand = readonly string[]

/** Is this the command that is waited for? Asked of each, in the order in which they come. */
export type CommandMatch = (command: RedisCommand) => boolean

/**
 * A link between one process and Redis that cuts the process off at a command of the test's choice: from there on nothing that it says
 * gets to Redis. So a test makes the state that a crash at that command leaves, and kills the process in its own time.
 */
export interface RedisLink {
  /** Where the process finds Redis. */
  readonly url: string
  /** The command itself does not get there any more. Resolves with it. */
  stopBefore(matches: CommandMatch): Promise<RedisCommand>
  /** The command is the last that gets there: done, and its doer does not know. Resolves with it when it has come by. */
  stopAfter(matches: CommandMatch): Promise<RedisCommand>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Opens a link to a Redis on this machine. */
export async function openRedisLink(redisUrl: string): Promise<RedisLink> {
  const url = new URL(redisUrl)
  const link = await openLink(Number(url.port || 6379), { split: createCommandSplit })
  url.host = `127.0.0.1:${link.port}`

  function stop(passage: 'stop here' | 'stop the answer', matches: CommandMatch): Promise<RedisCommand> {
    return new Promise((resolve) => {
      let isOver = false
      link.watch((bytes) => {
        if (isOver) return 'stop here'
        const command = readCommand(bytes)?.command ?? []
        if (!matches(command)) return 'pass'
        isOver = true
        resolve(command)
        return passage
      })
    })
  }

  return {
    url: url.href,
    stopBefore: (matches) => stop('stop here', matches),
    stopAfter: (matches) => stop('stop the answer', matches),
    close: link.close,
    [Symbol.asyncDispose]: link.close,
  }
}

/** Cuts what one client of Redis sends into whole commands. */
function createCommandSplit(): (bytes: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    const commands: Buffer[] = []
    for (let first = readCommand(rest); first; first = readCommand(rest)) {
      commands.push(rest.subarray(0, first.end))
      rest = rest.subarray(first.end)
    }
    return commands
  }
}

/** The first command of these bytes (RESP: an array of bulk strings) and where it ends; `undefined` while it is not whole. */
function readCommand(bytes: Buffer): { command: RedisCommand; end: number } | undefined {
  const count = readNumber(bytes, 0)
  if (!count) return undefined
  const command: string[] = []
  let end = count.end
  while (command.length < count.value) {
    const length = readNumber(bytes, end)
    if (!length || bytes.length < length.end + length.value + 2) return undefined
    command.push(bytes.toString('utf8', length.end, length.end + length.value))
    end = length.end + length.value + 2
  }
  return { command, end }
}

/** The number behind the sign at `from`, and where its line ends. */
function readNumber(bytes: Buffer, from: number): { value: number; end: number } | undefined {
  const end = bytes.indexOf('\r\n', from)
  return end < 0 ? undefined : { value: Number(bytes.toString('latin1', from + 1, end)), end: end + 2 }
}
