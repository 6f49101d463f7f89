import type { ServerResponse } from 'node:http'
import type { Panel } from './panel.ts'
import type { Phones } from './phones.ts'
import { createViewers, eventOf } from './viewers.ts'

/** The least time between two rounds of changed phones. */
const PHONES_GAP_MS = 60
const PANEL_EVERY_MS = 500

/**
 * Keeps open pages up to date: changed phones at most 16 times a second, the panel twice, each only if something
 * changed. While no page is open a change costs one look at a size.
 */
export function createStream(deps: { phones: Phones; panel: Panel }) {
  const { phones, panel } = deps
  const viewers = createViewers({ onFirst: start, onNone: stop })
  const changed = new Set<string>()
  let panelTimer: NodeJS.Timeout | undefined
  let phonesTimer: NodeJS.Timeout | undefined
  let flushedAt = 0

  function start(): void {
    panelTimer = setInterval(tellPanel, PANEL_EVERY_MS)
  }

  function stop(): void {
    clearInterval(panelTimer)
    clearTimeout(phonesTimer)
    phonesTimer = undefined
    changed.clear()
  }

  function tellPanel(): void {
    const next = panel.changed()
    if (next !== undefined) viewers.tell('panel', next)
  }

  function phoneChanged(number: string): void {
    if (!viewers.any()) return
    changed.add(number)
    phonesTimer ??= setTimeout(flush, Math.max(0, flushedAt + PHONES_GAP_MS - performance.now()))
  }

  function flush(): void {
    phonesTimer = undefined
    flushedAt = performance.now()
    for (const phone of phones.list()) if (isChanged(phone.number)) viewers.tell('phone', phone)
    changed.clear()
  }

  function isChanged(number: string): boolean {
    return changed.has('*') || changed.has(number)
  }

  phones.onChange(phoneChanged)

  return {
    add: (viewer: ServerResponse) =>
      viewers.add(viewer, () => eventOf('phones', phones.list()) + eventOf('panel', panel.now())),
    /** Shows everything anew to every viewer. */
    refresh(): void {
      if (!viewers.any()) return
      viewers.tell('phones', phones.list())
      viewers.tell('panel', panel.now())
    },
    close: viewers.close,
  }
}
