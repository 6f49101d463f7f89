/** Codes that fall back are sealed to the operators: from the code's acceptance to the operator who reads it out. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '@relais/testing'
import { it } from 'vitest'
import { runTool } from './operator-tool.ts'
import { startSystem } from './system.ts'

it(
  'a code that is sealed to the operators is read by them, and by nobody else',
  { timeout: 60_000 },
  async (t) => {
    const { expect } = t
    const folder = await mkdtemp(join(tmpdir(), 'relais-'))
    const identity = join(folder, 'operators.age')
    const made = await runTool(['fallback', 'keygen', '--identity', identity, '--json'], {})
    const { recipient } = JSON.parse(made.output) as { recipient: string }
    const system = await startSystem(t, { env: { FALLBACK_CODES: 'sealed', FALLBACK_PUBLIC_KEY: recipient } })
    expect(system.events('worker.started')).toMatchObject([
      { fallback: { codes: 'sealed', sealedTo: 'operators', isRevealable: false } },
    ])

    const id = await system.send('+221771230026', '000123', { reference: 'login-1' })
    const record = await system.fallbackRecord(id)
    await system.reaches(id, ['fallback'])
    const log = join(folder, 'fallback.log')
    await writeFile(log, `${JSON.stringify(record)}\n`)
    const opened = await runTool(['fallback', 'open', '--identity', identity, log], {})
    expect(JSON.parse(opened.output)).toEqual({ ...record, code: '000123' })

    const asOperator = { RELAIS_URL: system.apiUrl, RELAIS_OPS_KEY: system.secrets.opsKey }
    const listed = await eventually(
      () => runTool(['fallback', 'list', '--json'], asOperator),
      ({ output }) => output.includes(id),
    )
    expect(JSON.parse(listed.output)).toMatchObject({
      records: [{ messageId: id, to: '…0026', reference: 'login-1', isRevealable: false }],
      next: null,
    })
    const refused = await runTool(['fallback', 'reveal', id, '--reason', 'the person called'], asOperator)
    expect([refused.code, refused.output]).toEqual([1, ''])
    expect(refused.errors).toContain('sealed to the public keys of the operators')
    expect(system.output().join('\n')).not.toContain('000123')
  },
)
