/** The worker's settings: the shared ones, and the port of its probes. */
import { metricsPort, sharedSettings, text, type SettingsOf } from '@relais/core'

export const workerSettings = {
  host: text({
    name: 'HOST',
    about: 'The address its probes listen on',
    example: '127.0.0.1',
    pattern: /^[A-Za-z0-9.:_-]{1,255}$/,
    form: 'an address or host name',
    fallback: '127.0.0.1',
  }),
  metricsPort: metricsPort(9465),
  ...sharedSettings,
}

export type WorkerSettings = SettingsOf<typeof workerSettings>
