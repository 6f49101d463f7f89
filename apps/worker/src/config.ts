/** The worker's settings: the shared ones, and the port of its probes. */
import { listenHost, metricsPort, sharedSettings, type SettingsOf } from '@relais/core'

export const workerSettings = {
  host: listenHost('The address its probes listen on'),
  metricsPort: metricsPort(9465),
  ...sharedSettings,
}

export type WorkerSettings = SettingsOf<typeof workerSettings>
