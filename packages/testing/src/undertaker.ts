import { spawn, type ChildProcess } from 'node:child_process'

/**
 * Promise: no process named here outlives the process that runs the tests, however that one ends.
 *
 * A shell reads process ids from a pipe whose other end only we hold. When we are gone, even by SIGKILL, the
 * kernel closes the pipe, the shell reads end-of-file and kills what is left.
 */
const waitForTheEnd = `
pids=' '
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done`

let shell: ChildProcess | undefined

/** Kills this process when ours ends, until `release` is called. */
export function killWithUs(pid: number): { release(): void } {
  tell(`+ ${pid}`)
  return { release: () => tell(`- ${pid}`) }
}

function tell(line: string): void {
  shell ??= startShell()
  shell.stdin?.write(`${line}\n`)
}

function startShell(): ChildProcess {
  // Detached: a terminal's Ctrl-C must not end it before it has done its work.
  const started = spawn('sh', ['-c', waitForTheEnd], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  started.unref()
  // The pipe must not keep the tests' event loop alive either.
  ;(started.stdin as unknown as { unref(): void }).unref()
  started.stdin?.on('error', () => {})
  return started
}
