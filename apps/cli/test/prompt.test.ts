import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { createPrompt, NoAnswerError } from '../src/prompt.ts'

function setup(isTerminal: boolean) {
  const input = Object.assign(new PassThrough(), { isTTY: isTerminal })
  const output = new PassThrough()
  let shown = ''
  output.on('data', (chunk: Buffer) => (shown += chunk.toString()))
  const prompt = createPrompt({ input, output })
  return {
    prompt,
    type: (text: string) => void input.write(text),
    end: () => void input.end(),
    shown: () => shown,
  }
}

it('on a terminal an answer shows, and a secret does not', async () => {
  const { prompt, type, shown } = setup(true)
  const visible = prompt.ask('Id: ')
  type('12345\r')
  expect(await visible).toBe('12345')
  const hidden = prompt.askSecret('Secret: ')
  type('s3cret-\u007f!\r')
  expect(await hidden).toBe('s3cret!')
  expect(shown()).toContain('Id: ')
  expect(shown()).toContain('12345')
  expect(shown()).toContain('Secret: ')
  expect(shown()).not.toMatch(/s3c/)
})

it('what is pasted too early, or with more lines than were asked for, stays hidden', async () => {
  const { prompt, type, shown } = setup(true)
  type('early-secret\r')
  const first = prompt.ask('First: ')
  expect(await first).toBe('early-secret')
  const second = prompt.ask('Second: ')
  type('seen\runseen-secret\r')
  expect(await second).toBe('seen')
  expect(await prompt.askSecret('Third: ')).toBe('unseen-secret')
  expect(shown()).toContain('seen')
  expect(shown()).not.toMatch(/early|unseen/)
})

it('Ctrl-C and the end of the input are told apart from an answer', async () => {
  const interrupted = setup(true)
  const asked = interrupted.prompt.ask('Id: ')
  interrupted.type('12\u0003')
  await expect(asked).rejects.toThrow(NoAnswerError)
  const piped = setup(false)
  piped.type('one\n')
  piped.end()
  expect(await piped.prompt.ask('First')).toBe('one')
  await expect(piped.prompt.ask('Second')).rejects.toThrow(NoAnswerError)
  expect(piped.shown()).toBe('First\nSecond\n')
})
