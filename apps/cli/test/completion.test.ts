/** The scripts of `completion`, in the shells that they are for. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { UsageError } from '../src/command.ts'
import { COMMANDS, COMMON_OPTIONS } from '../src/commands.ts'
import { completionFor } from '../src/completion.ts'
import { toolFixture } from './tool-fixture.ts'

const run = promisify(execFile)

const FIRSTS = [...new Set(Object.keys(COMMANDS).map((name) => name.split(' ')[0] ?? ''))]

/** What is typed, and what may come next; both shells are asked. */
const CASES: readonly (readonly [line: string, ...expected: string[]])[] = [
  ['relais ', ...FIRSTS, 'help'],
  ['relais que', 'queues'],
  ['npx relais keys ', 'create', 'list', 'revoke'],
  ['relais limits ', 'allow', 'clear', 'stop'],
  ['relais help tok', 'tokens'],
  ['relais help keys re', 'revoke'],
  ['relais --url http://127.0.0.1:1 queues ', 'pause', 'resume'],
  ['relais queues pause ', 'messages'],
  ['relais queues pause messages --w', '--why'],
  ['relais keys create wallet --mode ', 'live', 'team', 'test'],
  ['relais keys create --mode t', 'team', 'test'],
  ['relais setup --language f', 'fr'],
  ['relais completion ', 'bash', 'zsh'],
  ['relais keys create wallet --days '],
]

/** Whatever else a command takes, its own options and those of all are offered. */
const OPTIONS = Object.entries(COMMANDS).map(([name, { options }]) => {
  const names = Object.keys({ ...options, ...COMMON_OPTIONS }).map((option) => `--${option}`)
  return [`relais ${name} --`, ...names] as const
})

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relais-'))
  await writeFile(join(folder, 'log one.txt'), '')
  await writeFile(join(folder, 'relais.bash'), completionFor('bash'))
  await writeFile(join(folder, '_relais'), completionFor('zsh'))
})

describe('in bash', () => {
  /** What bash would offer, as it asks its completion functions. */
  async function offered(line: string): Promise<string[]> {
    const script = `
      source "$1/relais.bash"
      cd "$1"
      [[ $(complete -p relais) == *_relais* && $(complete -p npx) == *_relais* ]] || exit 3
      COMP_LINE=$2 COMP_POINT=\${#2} COMPREPLY=()
      _relais 2> >(cat >&2)
      [[ \${#COMPREPLY[@]} -eq 0 ]] || printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = await run('bash', ['--norc', '-c', script, 'bash', folder, line])
    // Outside of a completion of its own making there is no compopt.
    expect(stderr.replaceAll(/.*compopt.*\n/g, '')).toBe('')
    return stdout.split('\n').filter(Boolean)
  }

  it.for([...CASES, ...OPTIONS])('%s', async ([line, ...expected]) => {
    expect((await offered(line)).toSorted()).toEqual(expected.toSorted())
  })

  it('values that go together with commas are offered one after the other, whatever bash takes apart', async () => {
    expect(await offered('relais keys create a --scopes status:read,fallback:rev')).toEqual(['reveal'])
    expect(await offered('relais keys create a --scopes token')).toEqual(['token:write'])
  })

  it('an option with its value behind = is known too', async () => {
    expect(await offered('relais keys create --mode=te')).toEqual(['team', 'test'])
  })

  it('files are offered where a file is meant, and nowhere else', async () => {
    expect(await offered('relais fallback open lo')).toEqual(['log one.txt'])
    expect(await offered('relais status --file lo')).toEqual(['log one.txt'])
    expect(await offered('relais queues lo')).toEqual([])
    expect(await offered('npx prettier ')).toEqual([])
  })
})

const hasZsh = (() => {
  try {
    execFileSync('zsh', ['-c', 'zmodload zsh/zpty'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/**
 * Asks a zsh on a terminal of its own: `compadd` is made to tell what it adds, for completion begins nowhere but at a prompt.
 * 1: folder · the others: lines. Prints for each line what is offered, then `.`
 */
const ASK_ZSH = `
zmodload zsh/zpty
folder=$1
shift
zpty z zsh -f -i
drain() { local chunk; until [[ $chunk == *$1* ]]; do zpty -r z chunk || return; done }
zpty -w z "PS1=; unsetopt zle_bracketed_paste; cd $folder; fpath=($folder \\$fpath); autoload -Uz compinit; compinit -u -d $folder/dump"
zpty -w z "tell() { compadd () { local -a added; builtin compadd -A added \\"\\$@\\"; print -l -- \\$added >> $folder/offered; builtin compadd \\"\\$@\\" }; _main_complete; unfunction compadd; print . >> $folder/offered; compstate[insert]= ; compstate[list]= }"
zpty -w z "zle -C tell complete-word tell; bindkey '^T' tell; print rea''dy"
drain ready
for line in "$@"; do
  : > $folder/offered
  zpty -w -n z $'\\C-u'"$line"$'\\C-t'
  for i in {1..200}; do
    [[ $(< $folder/offered) == *.* ]] && break
    zselect -t 5 2> /dev/null || sleep 0.05
  done
  cat $folder/offered
done
zpty -d z
`

describe.skipIf(!hasZsh)('in zsh, where there is one', () => {
  it('the same is offered', { timeout: 120_000 }, async () => {
    const cases = [...CASES, ...OPTIONS]
    const args = ['-f', '-c', ASK_ZSH, 'zsh', folder, ...cases.map(([line]) => line)]
    const { stdout } = await run('zsh', args)
    const offered = stdout.split(/^\.\n/m).slice(0, -1)
    expect(offered).toHaveLength(cases.length)
    for (const [i, [line, ...expected]] of cases.entries()) {
      const words = (offered[i] ?? '').split('\n').filter(Boolean)
      expect([line, ...[...new Set(words)].toSorted()]).toEqual([line, ...expected.toSorted()])
    }
  })
})

describe('completion', () => {
  it('prints a script, or the same as JSON', async () => {
    const tool = toolFixture()
    expect(await tool.run('completion', 'bash')).toEqual({ code: 0, output: completionFor('bash') })
    expect(await tool.json('completion', 'zsh')).toMatchObject({
      body: { shell: 'zsh', script: completionFor('zsh') },
    })
    await expect(tool.run('completion', 'fish')).rejects.toBeInstanceOf(UsageError)
  })
})
