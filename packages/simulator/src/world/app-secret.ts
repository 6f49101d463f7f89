/**
 * The secret of the app, which its owner may change while everything runs. The old one is worth nothing from then on;
 * access tokens live on.
 */
export function createAppSecret(first: string) {
  let current = first
  return {
    /** The one of the start, which seals access tokens. */
    first,
    current: () => current,
    change: (next: string) => void (current = next),
    reset: () => void (current = first),
  }
}

export type AppSecret = ReturnType<typeof createAppSecret>
