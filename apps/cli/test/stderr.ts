/** Standard error, kept for the test; what was written so far. */
import { onTestFinished, vi } from 'vitest'

export function keepStderr(): () => string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => write.mockRestore())
  return () => write.mock.calls.map(([text]) => String(text)).join('')
}
