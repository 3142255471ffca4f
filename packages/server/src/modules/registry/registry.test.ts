import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createScheduler } from '../../platform/jobs/scheduler.ts'
import { silentLogger } from '../../platform/telemetry/logger.ts'
import { onEveryDatabase } from '../../../test/support/databases.ts'
import { createManualClock } from '../../kernel/clock.ts'
import { createFileBlobStore } from '../../platform/blobs/index.ts'
import { createTopic } from '../../platform/events/topic.ts'
import { createTracking, trackingMigrations } from '../tracking/index.ts'
import { registryMigrations } from './index.ts'
import type { RegistryEvent } from './model-version.ts'
import { createRegistryReader } from './reader.ts'
import { createRegisteredModels } from './registry.ts'
import { seal } from './seal.ts'
import { createRegistryStore } from './store.ts'
import { createVersionFolder } from './version-folder.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'registry-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url))

onEveryDatabase([trackingMigrations, registryMigrations], (database) => {
  const project = 'p'
  const open = () => {
    const clock = createManualClock(1_000)
    const blobs = createFileBlobStore(join(root, 'blobs'))
    const tracking = createTracking({
      database: database(),
      blobs,
      clock,
      scheduler: createScheduler({ log: silentLogger() }),
    })
    const folder = createVersionFolder({ blobs, root: join(root, 'models') })
    const store = createRegistryStore(database())
    const changed = createTopic<RegistryEvent>('registry.changed', (error) => {
      throw error
    })
    const models = createRegisteredModels({
      store,
      reader: createRegistryReader(database()),
      tracking,
      changed,
      deferMove: async () => null,
      pinFeatureService: (_project, service) => service,
      guard: { check: async () => undefined, applied: async () => undefined },
      clock,
      seal: (files) => seal({ blobs, folder }, files),
    })
    return { models, tracking, changed, folder, blobs }
  }
  let named = 0
  const model = async () => {
    const opened = open()
    const name = `m${named++}`
    await opened.models.create({ project, name, description: null, tags: [] })
    const register = (source: string) =>
      opened.models.createVersion({
        project,
        name,
        source,
        runId: null,
        modelId: null,
        runLink: '',
        description: '',
        tags: [],
        featureService: null,
        by: 'tester',
      })
    const put = (path: string, content: Uint8Array | string) =>
      opened.tracking.writeFile(project, `${name}/${path}`, Readable.from([Buffer.from(content)]))
    return { ...opened, name, register, put }
  }

  test('a version keeps its files when its source changes', async () => {
    const { name, register, put, models } = await model()
    await put('a.txt', 'one')
    const sealed = await register(`mlflow-artifacts:/${name}`)
    await put('a.txt', 'two')
    await put('b.txt', 'three')
    expect(sealed.files.map((f) => f.path)).toEqual(['a.txt'])
    expect((await models.resolve(project, `${name}/1`)).files).toEqual(sealed.files)
  })

  test('versions registered at the same time get the numbers 1 to n, and a deleted number does not come back', async () => {
    const { name, register, put, models } = await model()
    await put('a.txt', 'one')
    const made = await Promise.all(
      Array.from({ length: 5 }, () => register(`mlflow-artifacts:/${name}`))
    )
    expect(made.map((v) => v.version).toSorted()).toEqual([1, 2, 3, 4, 5])
    await models.removeVersion({ project, name, version: 5, by: 'u' })
    expect((await register(`mlflow-artifacts:/${name}`)).version).toBe(6)
  })

  test('an ONNX model is inspected, and laid out with its weights beside it', async () => {
    const { name, register, put, folder } = await model()
    await put('model.onnx', fixture('external.onnx'))
    await put('weights.bin', fixture('weights.bin'))
    const version = await register(`mlflow-artifacts:/${name}`)
    expect(version).toMatchObject({
      status: 'READY',
      flavor: 'onnx',
      onnxFile: 'model.onnx',
      statusMessage: null,
    })
    const path = await folder.localFile(version.files, 'model.onnx')
    expect(await readFile(join(dirname(path), 'weights.bin'))).toEqual(fixture('weights.bin'))
    expect(await folder.localFile(version.files, 'model.onnx')).toBe(path)
    await expect(folder.localFile(version.files, 'other')).rejects.toThrow('no file "other"')
  })

  test.each([
    ['a file that is no model', { 'model.onnx': 'no model' }, 'not a valid ONNX model'],
    [
      'a graph with an operator that nobody knows',
      { 'model.onnx': fixture('unknown-operator.onnx') },
      'NoSuchOperator',
    ],
    ['weights that are not there', { 'model.onnx': fixture('external.onnx') }, 'weights.bin'],
    [
      'an MLmodel that names no file',
      { MLmodel: 'flavors:\n  onnx:\n    data: model.onnx\n' },
      'model.onnx',
    ],
    ['an MLmodel that is not YAML', { MLmodel: '{{{{' }, ''],
  ])(
    '%s makes the version fail, with the reason',
    async (_what, files: Record<string, string | Uint8Array>, reason) => {
      const { name, register, put, models } = await model()
      for (const [path, content] of Object.entries(files)) await put(path, content)
      const version = await register(`mlflow-artifacts:/${name}`)
      expect(version.status).toBe('FAILED_REGISTRATION')
      expect(version.statusMessage).toContain(reason)
      await expect(
        models.setAlias({ project, name, alias: 'champion', version: 1, by: 'tester' })
      ).rejects.toMatchObject({ code: 'registry.version_not_ready' })
    }
  )

  test('the signature of an MLmodel is read, columns and tensors', async () => {
    const { name, register, put } = await model()
    await put(
      'MLmodel',
      `flavors: { python_function: { loader_module: x } }
signature:
  inputs: '[{"name":"a","type":"double","required":false},{"type":"long","name":"b"}]'
  outputs: '[{"type":"tensor","tensor-spec":{"dtype":"float32","shape":[-1,2]}}]'
  params: null
`
    )
    expect((await register(`mlflow-artifacts:/${name}`)).signature).toEqual({
      inputs: [
        { kind: 'column', name: 'a', type: 'double', required: false },
        { kind: 'column', name: 'b', type: 'long', required: true },
      ],
      outputs: [{ kind: 'tensor', name: null, dtype: 'float32', shape: [-1, 2] }],
    })
  })

  test('references follow aliases and stages, and changes are told after they are kept', async () => {
    const { name, register, put, models, changed } = await model()
    const events: RegistryEvent[] = []
    changed.subscribe((event) => events.push(event))
    await put('a.txt', 'x')
    for (let i = 0; i < 3; i++) await register(`mlflow-artifacts:/${name}`)
    await models.setAlias({ project, name, alias: 'champion', version: 2, by: 'ada' })
    const stage = (version: number, archiveOthers: boolean) =>
      models.transitionStage({
        project,
        name,
        version,
        stage: 'production',
        archiveOthers,
        by: 'ada',
      })
    await stage(1, false)
    await stage(3, true)
    const number = async (reference: string) => (await models.resolve(project, reference)).version
    expect(await number(`${name}@champion`)).toBe(2)
    expect(await number(`models:/${name}/Production`)).toBe(3)
    expect(await number(`${name}/latest`)).toBe(3)
    expect((await models.resolve(project, `${name}/1`)).stage).toBe('Archived')
    expect(events.map((e) => e.kind)).toEqual([
      ...Array.from({ length: 3 }, () => 'version.created'),
      'alias.moved',
      'stage.changed',
      'stage.changed',
    ])
    await models.removeVersion({ project, name, version: 2, by: 'u' })
    await expect(number(`${name}@champion`)).rejects.toMatchObject({
      code: 'registry.version_not_found',
    })
    await expect(number('nobody/1')).rejects.toMatchObject({ code: 'registry.model_not_found' })
  })

  test('a path of the server’s own disk is no source', async () => {
    const { name, register } = await model()
    for (const source of ['/etc/passwd', 'file:///etc', `mlflow-artifacts:/${name}/../x`, ''])
      await expect(register(source)).rejects.toMatchObject({ code: 'INVALID_PARAMETER_VALUE' })
  })
})
