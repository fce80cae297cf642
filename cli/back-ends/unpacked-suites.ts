import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DriverUsageError } from '../../drivers/errors.ts';
import type { Suite, UnpackedSuite } from '../../fixtures/back-ends/back-end.ts';

const mirror = 'http://deb.debian.org/debian';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Runs a command to its end. @throws DriverUsageError with the last of what it said. */
export function run(command: string, parameters: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(command, parameters, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status === 0) return;
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').at(-1) ?? '';
  throw new DriverUsageError(`${command} ${parameters.join(' ')}: ${error?.message ?? said}`);
}

/** The options by which apt keeps to a directory of its own, and takes nothing to be installed. */
function privateApt(directory: string): string[] {
  const options = {
    'Dir::Etc::sourcelist': join(directory, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State': directory,
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': join(directory, 'cache'),
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
    'Acquire::Check-Valid-Until': 'false',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/**
 * The packages with all that they depend on, unpacked below `cache` and not installed. What is there already stays as it
 * is, so a second call fetches nothing.
 * @throws DriverUsageError where apt or the network fails.
 */
export function unpackedSuite(cache: string, suite: Suite, packages: readonly string[]): UnpackedSuite {
  const directory = join(cache, suite);
  const root = join(directory, 'root');
  const done = join(directory, 'unpacked.json');
  const before: string[] = existsSync(done) ? JSON.parse(readFileSync(done, 'utf8')) : [];
  const missing = packages.filter((name) => !before.includes(name));
  if (missing.length === 0) return { root };
  const apt = join(directory, 'apt');
  for (const each of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(apt, each), { recursive: true });
  writeFileSync(join(apt, 'status'), '');
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  run('apt-get', [...privateApt(apt), '-qq', 'update']);
  run('apt-get', [...privateApt(apt), '-qq', '-y', '--download-only', 'install', ...before, ...missing]);
  unpack(join(apt, 'cache/archives'), root, join(directory, 'archives.json'));
  writeFileSync(done, JSON.stringify([...before, ...missing]));
  return { root };
}

/** Directories of a Debian system whose place is in `usr`. */
const merged = ['bin', 'sbin', 'lib', 'lib64'];

/** What `listed` names was unpacked before, and is left alone: programs of it may be running. */
function unpack(archives: string, root: string, listed: string): void {
  for (const name of merged) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    if (!existsSync(join(root, name))) symlinkSync(`usr/${name}`, join(root, name));
  }
  const before: string[] = existsSync(listed) ? JSON.parse(readFileSync(listed, 'utf8')) : [];
  const all = readdirSync(archives).filter((each) => each.endsWith('.deb'));
  for (const name of all.filter((each) => !before.includes(each))) {
    const pipe = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink';
    run('bash', ['-o', 'pipefail', '-c', pipe, 'unpack', join(archives, name), root]);
  }
  writeFileSync(listed, JSON.stringify(all));
}
