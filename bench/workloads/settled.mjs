/** Waits until so many messages are at Meta and, where there are receipts, delivered. Meta has to have been told to keep their ids. */
export async function settled(bench, system, count) {
  await bench.haveCome(count)
  if (!system.receipts) return
  const ids = await bench.askMeta('ids')
  await system.allAre(
    ids.map(({ own }) => own),
    'delivered',
  )
}
