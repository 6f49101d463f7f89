import { mkdtemp, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openFallbackSink } from '../src/fallback-sink.ts'

const newFile = async () => join(await mkdtemp(join(tmpdir(), 'relais-')), 'fallback.log')
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
