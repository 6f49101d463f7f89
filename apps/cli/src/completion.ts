/**
 * Scripts that complete the command line in a shell, made from the table of commands. Pure.
 *
 * Both work for `relais` on the PATH and for `npx relais`, unless something else completes npx already. They know the table as it was when
 * they were printed: print them again after an update.
 */
import type { Command, Options } from './command.ts'
import { COMMANDS, COMMON_OPTIONS, familyOf } from './commands.ts'

export type Shell = 'bash' | 'zsh'

export function completionFor(shell: Shell): string {
  return shell === 'bash' ? LOOK + BASH : `#compdef relais\n${LOOK}${ZSH}`
}

/**
 * What may come next at one place of the command line. `at` is the name of the command, then ` *` for each of its words, or ` -` for an
 * option, or the option whose value is wanted.
 */
type Place = { at: string; candidates: readonly string[]; kind?: 'file' | 'list' }

const FIRSTS = [...new Set(Object.keys(COMMANDS).map((name) => name.split(' ')[0] ?? ''))]
const FAMILIES = FIRSTS.filter((first) => familyOf(first).length > 0)

function secondsOf(first: string): string[] {
  return familyOf(first).map((name) => name.slice(first.length + 1))
}

const PLACES: readonly Place[] = [
  { at: '', candidates: [...FIRSTS, 'help'] },
  { at: 'help', candidates: FIRSTS },
  ...FAMILIES.flatMap((first) =>
    ['', 'help '].map((help) => ({ at: help + first, candidates: secondsOf(first) })),
  ),
  ...Object.entries(COMMANDS).flatMap(([name, command]) => placesOf(name, command)),
]

function placesOf(name: string, { words = [], options }: Command): Place[] {
  const all = Object.entries<Options[string]>({ ...options, ...COMMON_OPTIONS })
  return [
    ...words.map(({ values = [], isFile }, i) => place(name + ' *'.repeat(i), values, isFile && 'file')),
    place(
      `${name} -`,
      all.map(([option]) => `--${option}`),
    ),
    ...all
      .filter(([, { type }]) => type === 'string')
      .map(([option, { values = [], isFile, isList }]) =>
        place(`${name} --${option}`, values, (isFile && 'file') || (isList && 'list')),
      ),
  ]
}

function place(at: string, candidates: readonly string[], kind?: Place['kind']): Place {
  return { at, candidates, ...(kind && { kind }) }
}

/** The options of any command that take a value: the word behind one is none of the command. */
const VALUED = [
  ...new Set(
    [COMMON_OPTIONS, ...Object.values(COMMANDS).map(({ options }) => options)].flatMap((options) =>
      Object.entries(options).flatMap(([name, { type }]) => (type === 'string' ? [`--${name}`] : [])),
    ),
  ),
]

const NAMES = [...FIRSTS, ...Object.keys(COMMANDS)].flatMap((name) => [name, `help ${name}`])

const CASES = PLACES.filter(({ candidates, kind }) => candidates.length > 0 || kind === 'file').map(
  ({ at, candidates, kind = 'word' }) => `    '${at}') kind=${kind} found='${candidates.join(' ')}' ;;`,
)

/** For both shells: finds the place, and sets `found` and `kind` of the caller. No name here may be one that zsh keeps for itself. */
const LOOK = `# Completes the commands of Relais. Made by \`relais completion\`.
_relais_look() {
  # 1: the word that is typed · the others: the words before it
  local typed=$1 word name= stars= option=
  shift
  for word in "$@"; do
    if [[ -n $option ]]; then
      option=
      continue
    fi
    case $word in
      ${VALUED.join(' | ')}) option=$word ;;
      -*) ;;
      *)
        case "\${name:+$name }$word" in
          ${[...new Set(['help', ...NAMES])].map((name) => `'${name}'`).join(' | ')}) name="\${name:+$name }$word" ;;
          *) stars="$stars *" ;;
        esac
        ;;
    esac
  done
  found= kind=word
  if [[ -n $option ]]; then
    stars=" $option"
  elif [[ $typed == -* ]]; then
    stars=' -'
  fi
  case "$name$stars" in
${CASES.join('\n')}
  esac
}
`

const BASH = `
_relais() {
  local line=\${COMP_LINE:0:COMP_POINT} typed= found= kind= before= reply colon=
  local -a said
  # Not COMP_WORDS: it takes a:b apart.
  read -ra said <<< "$line"
  [[ $line == *[[:space:]] ]] || { typed=\${said[\${#said[@]}-1]}; unset "said[\${#said[@]}-1]"; }
  [[ \${said[0]} == npx ]] && said=("\${said[@]:1}")
  [[ \${said[0]} == *relais* ]] || return 0
  said=("\${said[@]:1}")
  if [[ $typed == --*=* ]]; then
    said+=("\${typed%%=*}")
    typed=\${typed#*=}
  fi
  _relais_look "$typed" "\${said[@]}"
  local IFS=$' \\t\\n'
  COMPREPLY=()
  if [[ $kind == file ]]; then
    compopt -o filenames 2> /dev/null
    while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen -f -- "$typed")
    return 0
  fi
  if [[ $kind == list ]]; then
    compopt -o nospace 2> /dev/null
    [[ $typed == *,* ]] && before=\${typed%,*},
  fi
  [[ $COMP_WORDBREAKS == *:* && $typed == *:* ]] && colon=\${typed%"\${typed##*:}"}
  for reply in $(compgen -W "$found" -- "\${typed#"$before"}"); do
    reply=$before$reply
    COMPREPLY+=("\${reply#"$colon"}")
  done
}
complete -F _relais relais
complete -p npx > /dev/null 2>&1 || complete -o default -F _relais npx
`

const ZSH = `
_relais() {
  local found= kind=
  local -a said
  said=("\${(@)words[1,CURRENT-1]}")
  [[ \${said[1]} == npx ]] && shift said
  if [[ \${said[1]} != *relais* ]]; then
    _default
    return
  fi
  shift said
  if compset -P '--*='; then
    said+=("\${IPREFIX%=}")
  fi
  _relais_look "$PREFIX" "\${said[@]}"
  case $kind in
    file) _files ;;
    list)
      compset -P '*,'
      compadd -S '' -- \${=found}
      ;;
    *) [[ -n $found ]] && compadd -- \${=found} ;;
  esac
}
if (( $+functions[compdef] )); then
  compdef _relais relais
  (( $+_comps[npx] )) || compdef _relais npx
fi
# In a folder of fpath this file is itself the function.
[[ $funcstack[1] == _relais ]] && _relais "$@"
`
