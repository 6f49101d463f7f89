import { mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mergeEnv, writeEnvFile } from '../src/env-file.ts'

describe('merging', () => {
  it('sets what is set, uncomments what is named, adds the rest, and leaves other lines alone', () => {
    const before = '# about A\nA=1\n\n#B=\n# B is nice\nexport C = 3\n'
    const after = mergeEnv(before, { A: 'x', B: 'y', C: 'z', D: 'w' })
    expect(after).toBe('# about A\nA=x\n\nB=y\n# B is nice\nC=z\nD=w\n')
  })

  it('leaves one line of a value that was set twice', () => {
    expect(mergeEnv('A=1\nB=2\nA=3', { A: 'x' })).toBe('B=2\nA=x\n')
  })

  it('does not take a longer name for the one that is meant', () => {
    expect(mergeEnv('AB=1\n# XA=2\n', { A: 'x' })).toBe('AB=1\n# XA=2\nA=x\n')
  })
})

describe('writing', () => {
  const folder = () => mkdtemp(join(tmpdir(), 'relais-env-'))

  it('makes a file that only its owner may read, also out of one that others could', async () => {
    const file = join(await folder(), '.env')
    expect(await writeEnvFile(file, { A: '1' })).toBeUndefined()
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await writeFile(`${file}.open`, 'B=2\n', { mode: 0o666 })
    expect(await writeEnvFile(`${file}.open`, { A: '1' })).toBeUndefined()
    expect((await stat(`${file}.open`)).mode & 0o777).toBe(0o600)
    expect(await readFile(`${file}.open`, 'utf8')).toBe('B=2\nA=1\n')
  })

  it('refuses links, folders, and files it cannot edit safely, and leaves no draft behind', async () => {
    const place = await folder()
    await symlink('/nowhere', join(place, 'link'))
    await writeFile(join(place, 'lines'), 'KEY="one\nA=2\nthree"\n')
    expect(await writeEnvFile(join(place, 'link'), { A: '1' })).toBe('symlink')
    expect(await writeEnvFile(place, { A: '1' })).toBe('not-a-file')
    expect(await writeEnvFile(join(place, 'lines'), { A: '1' })).toBe('odd-form')
    expect(await writeEnvFile(join(place, 'no/such/folder'), { A: '1' })).toBe('unwritable')
    expect((await readdir(place)).toSorted()).toEqual(['lines', 'link'])
  })
})
