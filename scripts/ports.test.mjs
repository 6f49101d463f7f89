import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort, parsePort, readPorts, requireFreePorts } from './ports.mjs'

test('a port is a whole number up to 65535', () => {
  expect(['0', '3000', '65535'].map(parsePort)).toEqual([0, 3000, 65535])
  for (const text of ['', '-1', '65536', '3000 ', '0x10', '1e3', 'abc'])
    expect(parsePort(text)).toBeUndefined()
})

test('the worker has the metrics port after the api, and 0 is off for both', () => {
  const metricsOf = (env) => {
    const { apiMetrics, workerMetrics } = readPorts(env, { isSimulated: false })
    return [apiMetrics, workerMetrics]
  }
  expect(metricsOf({})).toEqual([9464, 9465])
  expect(metricsOf({ METRICS_PORT: '' })).toEqual([9464, 9465])
  expect(metricsOf({ METRICS_PORT: '9000' })).toEqual([9000, 9001])
  expect(metricsOf({ METRICS_PORT: '0' })).toEqual([0, 0])
})

test('every malformed port has a line of its own, and the simulator has none when Meta is real', () => {
  const env = { PORT: 'abc', SIMULATOR_PORT: '99999' }
  expect(() => readPorts(env, { isSimulated: true })).toThrow(
    expect.objectContaining({
      exitCode: 78,
      message: expect.stringMatching(/^PORT is not a port.*\nSIMULATOR_PORT.*$/),
    }),
  )
  expect(readPorts({ SIMULATOR_PORT: '99999' }, { isSimulated: false }).PORT).toBe(3000)
})

test('a port in use is named together with its setting', async () => {
  const port = await freePort()
  const server = createServer()
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  const wanted = [{ port, setting: 'SIMULATOR_PORT', host: '127.0.0.1' }]
  await expect(requireFreePorts(wanted)).rejects.toThrow(`port ${port} is in use`)
  await new Promise((resolve) => server.close(resolve))
  await requireFreePorts(wanted)
})

test('two settings with one port are refused', async () => {
  const port = await freePort()
  const wanted = ['PORT', 'SIMULATOR_PORT'].map((setting) => ({ port, setting, host: '127.0.0.1' }))
  await expect(requireFreePorts(wanted)).rejects.toThrow(`SIMULATOR_PORT and PORT are both ${port}`)
})
