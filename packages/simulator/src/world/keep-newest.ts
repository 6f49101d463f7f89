/** Puts an entry at the new end of a map that holds at most `cap`; beyond that the oldest goes. */
export function keepNewest<T>(map: Map<string, T>, key: string, value: T, cap: number): void {
  map.delete(key)
  map.set(key, value)
  const oldest = map.size > cap ? map.keys().next().value : undefined
  if (oldest !== undefined) map.delete(oldest)
}
