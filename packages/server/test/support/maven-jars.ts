import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

export type Jars = Readonly<{ name: string; group: string; artifact: string; version: string }>

const folderOf = (jars: Jars): string =>
  join(homedir(), '.cache', 'trestle', `${jars.name}-${jars.version}`)

/** Whether this machine can run a server of Java: Java 17, and Maven for its jars. In CI it must. */
export function canRun(jars: Jars): boolean {
  const can = isThere('java') && (existsSync(folderOf(jars)) || isThere('mvn'))
  if (!can && process.env['CI'] !== undefined)
    throw new Error('CI needs Java 17 and Maven: install openjdk-17-jre-headless and maven')
  if (!can)
    process.stdout.write(`Java or Maven is not installed: tests on ${jars.name} are skipped.\n`)
  return can
}

function isThere(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The class path of a server's jars from Maven Central, brought once per machine. */
export async function broughtJars(jars: Jars): Promise<string> {
  const folder = folderOf(jars)
  if (!existsSync(folder)) {
    const work = await mkdtemp(join(tmpdir(), `trestle-${jars.name}-jars-`))
    await writeFile(
      join(work, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>trestle</groupId><artifactId>${jars.name}</artifactId><version>1</version>
  <dependencies><dependency><groupId>${jars.group}</groupId><artifactId>${jars.artifact}</artifactId><version>${jars.version}</version></dependency></dependencies>
</project>`
    )
    const target = join(work, 'jars')
    await promisify(execFile)(
      'mvn',
      [
        '-q',
        '-B',
        'dependency:copy-dependencies',
        '-DincludeScope=runtime',
        `-DoutputDirectory=${target}`,
      ],
      { cwd: work }
    )
    await mkdir(dirname(folder), { recursive: true })
    // Two test files may bring them at once; the second finds the first's.
    await rename(target, folder).catch(() => undefined)
    await rm(work, { recursive: true, force: true })
  }
  return (await readdir(folder)).map((jar) => join(folder, jar)).join(':')
}
