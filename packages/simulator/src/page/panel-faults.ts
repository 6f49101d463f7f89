import type { Fault, Faults } from '../graph/faults.ts'

const FAULTS_SHOWN = 4

/** How many faults wait, and the first of them in a few words. */
export function showFaults(faults: Pick<Faults, 'waiting' | 'list'>) {
  return {
    waiting: faults.waiting(),
    next: faults
      .list()
      .slice(0, FAULTS_SHOWN)
      .map((fault) => ({ label: labelOf(fault), often: oftenOf(fault) })),
  }
}

function labelOf(fault: Fault): string {
  const calls = fault.on === undefined || fault.on === 'send' ? '' : ` · ${fault.on}`
  return `${whatOf(fault)}${calls}${fault.to === undefined ? '' : ` · ${fault.to}`}`
}

function whatOf(fault: Fault): string {
  switch (fault.kind) {
    case 'error':
      return `error ${fault.code}${fault.subcode === undefined ? '' : `/${fault.subcode}`}`
    case 'html':
      return `HTML ${fault.statusCode}`
    case 'reset':
      return fault.accepted ? 'reset after acceptance' : 'reset'
    case 'stall':
      return `silence of ${fault.ms / 1000} s`
    case 'garbage':
      return 'half an answer'
    case 'none':
      return 'lets a call pass'
  }
}

function oftenOf({ times, probability }: Fault): string {
  const share = probability === undefined ? '' : `${Math.round(probability * 1000) / 10} %`
  return [share, times === undefined ? '' : `× ${times}`].filter(Boolean).join(' ')
}
