import { execFileSync } from 'node:child_process'
import {
  chown,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openFallbackSink, type FallbackSink } from '../src/fallback-sink.ts'

const newFile = async () => join(await mkdtemp(join(tmpdir(), 'relais-')), 'fallback.log')
/** Every line is a record: a cut one, or an empty one, throws. */
const linesOf = async (file: string) => {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Record<string, string>)
}
const modeOf = async (file: string) => ((await stat(file)).mode & 0o777).toString(8)

it('a file is appended to, for its owner only, even if it was there with another mode', async () => {
  const file = await newFile()
  await writeFile(file, '{"before":1}\n', { mode: 0o644 })
  const sink = await openFallbackSink(file)
  await sink.write({ messageId: 'msg_1' })
  await sink.write({ messageId: 'msg_2' })
  expect(await readFile(file, 'utf8')).toBe('{"before":1}\n{"messageId":"msg_1"}\n{"messageId":"msg_2"}\n')
  expect(await modeOf(file)).toBe('600')
})

it('a file that was rotated away is made anew, for its owner only', async () => {
  const file = await newFile()
  const sink = await openFallbackSink(file)
  await sink.write({ messageId: 'msg_1' })
  await rename(file, `${file}.1`)
  await sink.write({ messageId: 'msg_2' })
  expect(await readFile(file, 'utf8')).toBe('{"messageId":"msg_2"}\n')
  expect(await modeOf(file)).toBe('600')
})

it('a file that cannot be written is said at once, and a write that fails is not swallowed', async () => {
  await expect(openFallbackSink('/nowhere/fallback.log')).rejects.toThrow(
    'FALLBACK_LOG cannot be written to (ENOENT)',
  )
  const full = await openFallbackSink('/dev/full')
  await expect(full.write({ messageId: 'msg_1' })).rejects.toThrow('ENOSPC')
})

describe('a file that could be a trap', () => {
  it('is refused when it is a symbolic link, at the start and later', async () => {
    const file = await newFile()
    const elsewhere = `${file}.elsewhere`
    await writeFile(elsewhere, 'theirs')
    await symlink(elsewhere, file)
    await expect(openFallbackSink(file)).rejects.toThrow('FALLBACK_LOG is a symbolic link')

    await rm(file)
    const sink = await openFallbackSink(file)
    await rm(file)
    await symlink(elsewhere, file)
    await expect(sink.write({ messageId: 'msg_1' })).rejects.toThrow('symbolic link')
    expect(await readFile(elsewhere, 'utf8')).toBe('theirs')
    await rm(file)
    await sink.write({ messageId: 'msg_1' })
    expect(await linesOf(file)).toEqual([{ messageId: 'msg_1' }])
  })

  it('is refused when it is a link that leads nowhere: nothing is made there', async () => {
    const file = await newFile()
    await symlink(`${file}.nowhere`, file)
    await expect(openFallbackSink(file)).rejects.toThrow('symbolic link')
    await expect(stat(`${file}.nowhere`)).rejects.toThrow('ENOENT')
  })

  it.runIf(process.getuid?.() === 0)('is refused when it is of another user, who could read it', async () => {
    const file = await newFile()
    await writeFile(file, '', { mode: 0o600 })
    await chown(file, 12_345, 12_345)
    await expect(openFallbackSink(file)).rejects.toThrow('FALLBACK_LOG is a file of another user')
    expect(await readFile(file, 'utf8')).toBe('')
  })

  it('is refused when it is a folder, or in one that is not there', async () => {
    const file = await newFile()
    await expect(openFallbackSink(dirname(file))).rejects.toThrow(
      'FALLBACK_LOG cannot be written to (EISDIR)',
    )
    await expect(openFallbackSink(join(file, 'fallback.log'))).rejects.toThrow('(ENOENT)')
  })
})

describe('under load', () => {
  const RECORDS = 300
  const ids = Array.from({ length: RECORDS }, (_, i) => `msg_${i}`)

  /** Writes them ten at a time, as the queue does; now and then something is done to the file, while others are written. */
  async function writeAll(sink: FallbackSink, nowAndThen: () => Promise<void>): Promise<void> {
    const left = ids.entries()
    const write = async () => {
      for (const [index, messageId] of left) {
        await sink.write({ messageId, code: '0'.repeat(400) })
        if (index % 60 === 30) await nowAndThen()
      }
    }
    await Promise.all(Array.from({ length: 10 }, write))
  }

  it('a rotation loses nothing, cuts nothing and writes nothing twice', async () => {
    const file = await newFile()
    const sink = await openFallbackSink(file)
    let rotations = 0
    await writeAll(sink, () => rename(file, `${file}.${(rotations += 1)}`))
    const files = (await readdir(dirname(file))).map((name) => join(dirname(file), name))
    expect(files.length).toBeGreaterThanOrEqual(5)
    const records = (await Promise.all(files.map(linesOf))).flat()
    expect(records.map(({ messageId }) => messageId).toSorted()).toEqual(ids.toSorted())
    for (const each of files) expect(await modeOf(each)).toBe('600')
  })

  it('a file that is emptied in place (copytruncate) goes on at its beginning: no holes, no cut lines', async () => {
    const file = await newFile()
    const sink = await openFallbackSink(file)
    await writeAll(sink, () => truncate(file))
    await sink.write({ messageId: 'msg_last' })
    expect(await readFile(file, 'utf8')).not.toContain('\0')
    const records = await linesOf(file)
    expect(records.at(-1)).toEqual({ messageId: 'msg_last' })
    expect(await modeOf(file)).toBe('600')
  })

  it.runIf(process.getuid?.() === 0)(
    'what a full disk cut off does not swallow the next record',
    async () => {
      const file = await newFile()
      const sink = await openFallbackSink(file)
      // What is full here is the device /dev/full, by another name.
      await rm(file)
      execFileSync('mknod', [file, 'c', '1', '7'])
      await expect(sink.write({ messageId: 'msg_1' })).rejects.toThrow('ENOSPC')
      await rm(file)
      await writeFile(file, '{"messageId":"ms')
      for (const messageId of ['msg_2', 'msg_3']) await sink.write({ messageId })
      expect(await readFile(file, 'utf8')).toBe(
        '{"messageId":"ms\n{"messageId":"msg_2"}\n{"messageId":"msg_3"}\n',
      )
    },
  )

  it('a full disk is told for each record that it cost', async () => {
    const full = await openFallbackSink('/dev/full')
    const results = await Promise.allSettled(ids.slice(0, 20).map((messageId) => full.write({ messageId })))
    expect(results.every(({ status }) => status === 'rejected')).toBe(true)
  })
})
