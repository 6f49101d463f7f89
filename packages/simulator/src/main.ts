import { readSettings, type Settings } from './settings.ts'
import { createSimulator, type Simulator } from './simulator.ts'

const CONFIGURATION_ERROR = 78

loadEnvironmentFile()
const { settings, faults } = readSettings(process.env)
if (faults !== undefined) {
  for (const fault of faults) console.error(fault)
  process.exit(CONFIGURATION_ERROR)
}

const simulator = await start(settings)
announce(simulator, settings)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop(simulator))

/** A `.env` in the working directory fills in what the environment leaves open. */
function loadEnvironmentFile(): void {
  try {
    process.loadEnvFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function start({ options }: Settings): Promise<Simulator> {
  try {
    return await createSimulator(options)
  } catch (error) {
    const { code, port } = error as NodeJS.ErrnoException & { port?: number }
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error
    const setting = port === options.adminPort ? 'SIMULATOR_ADMIN_PORT' : 'SIMULATOR_PORT'
    const reason = code === 'EADDRINUSE' ? 'is already in use' : 'is not open to this user'
    console.error(`Port ${port} ${reason}: set ${setting} to a free port`)
    process.exit(1)
  }
}

function announce({ graphUrl, adminUrl }: Simulator, { demoValues }: Settings): void {
  console.log(`WhatsApp simulator: Graph API ${graphUrl} · phones ${graphUrl}/ · control ${adminUrl}`)
  for (const [name, value] of Object.entries(demoValues)) console.log(`  ${name}=${value} (demo value)`)
}

async function stop(running: Simulator): Promise<void> {
  await running.close()
  process.exit(0)
}
