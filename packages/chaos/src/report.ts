/** The report as people read it. */
import type { Case } from './audit.ts'
import { isKept, type Report } from './run.ts'

/** More cases of one kind than this are counted, not shown. */
const MOST_SHOWN = 10

export function reportText(report: Report): string {
  const { audit, requests, seconds } = report
  const faults = Object.values(report.faults).reduce((sum, times) => sum + times, 0)
  const processes = `${report.workers} workers, ${report.apis} APIs`
  const without = report.without.length > 0 ? `, without ${report.without.join(' and ')}` : ''
  const { msToEnd, duplicates, notAcknowledged, unknown } = audit
  return [
    '',
    `Seed ${report.seed}: ${seconds.load} s of load at ${report.ratePerSecond}/s, ${processes}${without}; settled in ${seconds.settling} s`,
    '',
    row('faults', `${faults} of ${Object.keys(report.faults).length} kinds`),
    ...counted(report.faults),
    row('accepted', `${audit.accepted} of ${report.started}`),
    ...counted(audit.ended),
    row('lost', audit.lost.length),
    ...cases(audit.lost),
    row('taken twice', sum(duplicates.byCause) + duplicates.unexplained.length),
    ...counted(duplicates.byCause),
    row('  unexplained', duplicates.unexplained.length),
    ...cases(duplicates.unexplained),
    row('fallback and phone', sum(audit.fallbackAndDelivered)),
    ...counted(audit.fallbackAndDelivered),
    row('fallback repeated', audit.fallbackRepeats),
    row('canceled and sent', audit.canceledAndTaken.length),
    ...cases(audit.canceledAndTaken),
    row('wrong content', audit.wrongContent.length),
    ...cases(audit.wrongContent),
    row('unknown', `${unknown.taken} at Meta, ${unknown.fallback} in the fallback`),
    row('late', audit.late.length),
    ...cases(audit.late),
    row('time to end', `median ${msToEnd.median} ms, p99 ${msToEnd.p99} ms, worst ${msToEnd.worst} ms`),
    row(
      'not acknowledged',
      `${notAcknowledged.count}, of these sent ${notAcknowledged.taken}, in the fallback ${notAcknowledged.fallback}`,
    ),
    row('requests', `${sum(requests.again)} made again`),
    ...counted(requests.again),
    row('memory and handles', 'first -> last quarter of the run'),
    ...report.growth.map(
      ({ name, first, last }) =>
        `    ${name.padEnd(12)} ${first.rssMb} -> ${last.rssMb} MB, ${first.sockets} -> ${last.sockets} sockets, ${first.handles} -> ${last.handles} handles`,
    ),
    row('errors', report.errors.length),
    ...report.errors.map((error) => `    ${error}`),
    '',
    isKept(report) ? 'Kept: nothing lost, no duplicate unexplained.' : 'BROKEN: see above.',
  ].join('\n')
}

function row(name: string, value: string | number): string {
  return `${name.padEnd(20)} ${value}`
}

function counted(counts: Record<string, number>): string[] {
  return Object.entries(counts).map(([word, times]) => `    ${String(times).padStart(6)}  ${word}`)
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, times) => total + times, 0)
}

function cases(found: readonly Case[]): string[] {
  const shown = found
    .slice(0, MOST_SHOWN)
    .flatMap(({ id, acceptedAt, what, shown: message }) => [
      `    ${id} accepted ${acceptedAt}: ${what}`,
      ...(message?.timeline ?? []).map(({ at, status, detail }) =>
        `        ${at} ${status} ${detail ?? ''}`.trimEnd(),
      ),
    ])
  const more = found.length - MOST_SHOWN
  return more > 0 ? [...shown, `    and ${more} more`] : shown
}
