// What we are made of, and what is known of it: the lockfile, the bill of materials, and the question for vulnerabilities.
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { root } from './root.mjs'
import { sbomArguments, sbomFile, writeSbom } from './sbom.mjs'

const read = (path) => readFile(join(root, path), 'utf8')
const lockfile = await read('pnpm-lock.yaml')
const workspace = await read('pnpm-workspace.yaml')
const manifests = [...entries('importers').keys()]

describe('the lockfile', () => {
  const packages = [...entries('packages')].map(([name, entry]) => [
    name,
    /^ {4}resolution: (.*)$/m.exec(entry)?.[1],
  ])

  test('names a published version of each package, with the hash of its archive', () => {
    expect(packages.length).toBeGreaterThan(300)
    for (const [name, resolution] of packages) {
      expect(name).toMatch(/^(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+[\w.+-]*$/)
      // Nothing else stands there: no tarball, no git, no folder.
      expect(resolution).toMatch(/^\{integrity: sha512-[A-Za-z0-9+/]{86}==\}$/)
    }
  })

  test('and nothing from elsewhere: what is ours is linked, and all else has an exact version', async () => {
    expect(lockfile.replaceAll(/^ {4}deprecated: .*/gm, '')).not.toMatch(
      /git\+|github\.com|codeload|https?:\/\/|tarball:|type: directory|: file:/,
    )
    expect(manifests).toEqual(expect.arrayContaining(['.', 'apps/api', 'apps/worker', 'packages/core']))
    for (const folder of manifests) {
      const manifest = JSON.parse(await read(join(folder, 'package.json')))
      for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'])
        for (const wanted of Object.values(manifest[kind] ?? {}))
          expect(wanted).toMatch(/^(catalog|workspace:\*)/)
    }
    const catalog = [
      ...workspace
        .split('\ncatalog:\n')[1]
        .split('\n\n')[0]
        .matchAll(/^ {2}(.*): (.*)$/gm),
    ]
    expect(catalog.length).toBeGreaterThan(20)
    for (const [, name, version] of catalog)
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)])
  })

  test('is followed to the letter, and no package runs a script of its own at install', async () => {
    const [, scripts] = /^allowBuilds:\n((?: {2}.*\n)+)/m.exec(workspace)
    for (const line of scripts.trimEnd().split('\n')) expect(line).toMatch(/^ {2}[\w@/-]+: false$/)
    expect(workspace).not.toMatch(/onlyBuiltDependencies|dangerouslyAllowAllBuilds|strictDepBuilds: false/)
    for (const file of ['scripts/setup.mjs', 'Dockerfile']) {
      const installs = (await read(file))
        .match(/'?install'?,? '?--[^\n]*/g)
        .filter((line) => !line.includes('--global'))
      expect(installs.length).toBeGreaterThan(0)
      for (const line of installs) expect(line).toContain('--frozen-lockfile')
    }
    for (const folder of manifests) {
      const { scripts: ours = {} } = JSON.parse(await read(join(folder, 'package.json')))
      expect(Object.keys(ours).filter((name) => /install|prepare|^(pre|post)/.test(name))).toEqual([])
    }
  })
})

describe('the bill of materials', () => {
  let bill
  beforeAll(async () => {
    await writeSbom()
    bill = JSON.parse(await read(sbomFile))
  })

  test('is CycloneDX, by its own schema', async () => {
    const folder = join(root, 'node_modules/@cyclonedx/cyclonedx-library/res/schema')
    const files = (await readdir(folder)).filter((file) => /^(bom-1\.6|jsf|spdx).*\.json$/.test(file))
    // Formats are words to this validator: what a URL is, is not our question here.
    const ajv = new Ajv({ strict: false, validateFormats: false })
    const idOf = (file) => `http://cyclonedx.org/schema/${file}`
    for (const file of files)
      ajv.addSchema(JSON.parse(await readFile(join(folder, file), 'utf8')), idOf(file))
    const isValid = ajv.getSchema(idOf('bom-1.6.SNAPSHOT.schema.json'))
    expect([isValid(bill), isValid.errors]).toEqual([true, null])
    expect(isValid({ ...bill, bomFormat: 'another' })).toBe(false)
  })

  test('names each package that is shipped and no other, with its hash and its licence', async () => {
    const named = bill.components.map(
      ({ group, name, version }) => `${group ? `${group}/` : ''}${name}@${version}`,
    )
    expect(named.sort()).toEqual(shipped())
    for (const { group, name, licenses, externalReferences = [] } of bill.components) {
      if (group === '@relais') continue
      const { hashes } = externalReferences.find(({ type }) => type === 'distribution')
      expect([name, hashes]).toEqual([
        name,
        [{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
      ])
      expect([name, licenses?.length]).toEqual([name, 1])
    }
  })

  test('is made in the image as it is here', async () => {
    const dockerfile = (await read('Dockerfile')).replaceAll(/\\\n\s*/g, '')
    expect(dockerfile).toContain(`RUN pnpm ${sbomArguments.join(' ')} --out sbom.cdx.json\n`)
  })

  /** What the shipped packages lead to, by the lockfile; `@relais/core` is the only one of ours that others need. */
  function shipped() {
    const [importers, packages, snapshots] = ['importers', 'packages', 'snapshots'].map(entries)
    const found = new Set(['@relais/core@0.1.0'])
    const seen = new Set()
    const follow = (dependencies) => {
      for (const [name, version] of dependencies) {
        const snapshot = `${name}@${version}`
        if (version.startsWith('link:') || seen.has(snapshot)) continue
        seen.add(snapshot)
        const plain = snapshot.replace(/\(.*$/, '')
        const entry = packages.get(plain)
        if (isElsewhere(entry)) continue
        found.add(plain)
        // Whoever uses the package brings its peers, or does without.
        const peers = namesIn(entry, 'peerDependencies')
        follow(dependenciesIn(snapshots.get(snapshot)).filter(([each]) => !peers.includes(each)))
      }
    }
    for (const ours of ['apps/api', 'apps/cli', 'apps/worker', 'packages/core', 'packages/simulator'])
      follow(dependenciesIn(importers.get(ours)))
    return [...found].sort()
  }
})

describe('the question for known vulnerabilities', () => {
  const advisory = {
    id: 1,
    url: 'https://github.com/advisories/GHSA-test',
    title: 'Lets anybody in',
    severity: 'high',
    vulnerable_versions: '<999',
  }

  test('finds none, and says of how many packages', async () => {
    const { code, output } = await ask(await registry(200, {}))
    expect(output).toMatch(/^0 known vulnerabilities in \d{3,} packages$/m)
    expect(code).toBe(0)
  })

  test('names what it finds', async () => {
    const { code, output } = await ask(await registry(200, { axios: [advisory] }))
    expect(output).toMatch(/^high: axios \d+\.\d+\.\d+: Lets anybody in\. .*GHSA-test$/m)
    expect(code).toBe(1)
  })

  test.each([
    ['refuses', () => registry(405, {})],
    ['answers nonsense', () => registry(200, 'a page')],
    ['is not there', async () => 'http://127.0.0.1:1/'],
  ])('has an exit code of its own for a registry that %s: nobody knows', async (_what, where) => {
    const { code, output } = await ask(await where())
    expect(output).toContain('could not be asked')
    expect(code).toBe(69)
  })

  async function registry(status, body) {
    const server = createServer((request, response) => {
      request.resume()
      request.on('end', () =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      )
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return `http://127.0.0.1:${server.address().port}/`
  }

  async function ask(registryUrl) {
    const child = spawn(process.execPath, ['scripts/dev.mjs', 'audit', '--registry', registryUrl], {
      cwd: root,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    const code = await new Promise((resolve) => child.on('close', resolve))
    return { code, output }
  }
})

/** The entries of a part of the lockfile, by name. */
function entries(part) {
  const [, text] = new RegExp(`^${part}:\\n([^]*?)(?=^\\S|(?![^]))`, 'm').exec(lockfile)
  const blocks = text.split(/^ {2}(?=\S)/m).slice(1)
  return new Map(blocks.map((block) => [/^'?([^\n']*?)'?: ?(\{\})?$/m.exec(block)[1], block]))
}

/** Names and versions of what an entry needs at work. */
function dependenciesIn(entry) {
  const groups = [...entry.matchAll(/^ {4}(?:optionalDependencies|dependencies):\n((?: {6,}.*\n)+)/gm)]
  return groups.flatMap(([, lines]) => {
    const rows = lines.matchAll(/^ {6}'?([^\s':]+)'?:(?: |\n {8}specifier: .*\n {8}version: )(.*)$/gm)
    return [...rows].map(([, name, version]) => [name, version])
  })
}

function namesIn(entry, group) {
  const [, lines = ''] = new RegExp(`^ {4}${group}:\\n((?: {6,}.*\\n)+)`, 'm').exec(entry) ?? []
  return [...lines.matchAll(/^ {6}'?([^\s':]+)'?:/gm)].map(([, name]) => name)
}

/** For another kind of machine than this one. */
function isElsewhere(entry) {
  const wants = (field, own) => {
    const [, list] = new RegExp(`^ {4}${field}: \\[(.*)\\]$`, 'm').exec(entry) ?? []
    return list !== undefined && !list.split(', ').includes(own)
  }
  return wants('os', process.platform) || wants('cpu', process.arch)
}
