import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GuestError } from './guest-error.ts';
import { runTool, type ToolResult } from './tool-process.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Packages of Debian, without the host's apt being touched: configuration, lists and archives are in a directory of
 * their own. What comes is verified by apt against Debian's keys.
 */
export class DebianPackages {
  readonly #directory: string;
  readonly #signal: AbortSignal;
  readonly #configuration: string;
  readonly #mirror: string;
  readonly #archives: string;

  /** @param kind `deb-src` for packages of source. */
  constructor(
    directory: string,
    mirror: string,
    suites: readonly string[],
    signal: AbortSignal,
    kind: 'deb' | 'deb-src' = 'deb',
  ) {
    this.#directory = directory;
    this.#signal = signal;
    this.#mirror = mirror;
    this.#archives = join(directory, 'archives');
    this.#configuration = join(directory, 'apt.conf');
    for (const name of ['lists/partial', 'archives/partial', 'nothing'])
      mkdirSync(join(directory, name), { recursive: true });
    const sources = suites.map((suite) => `${kind} [signed-by=${keyring} arch=amd64] ${mirror} ${suite} main\n`);
    writeFileSync(join(directory, 'sources.list'), sources.join(''));
  }

  /** Fetches the lists of what there is. */
  async update(): Promise<void> {
    writeFileSync(this.#configuration, await this.#configurationText());
    const result = await this.#apt('apt-get', ['update', '-qq', '--error-on=any']);
    if (result.code !== 0) throw this.#failure(result, `the lists of packages of ${this.#mirror} cannot be fetched`);
  }

  /** Names of the packages that match a shell pattern. */
  async names(pattern: string): Promise<string[]> {
    const { output } = await this.#apt('apt-cache', ['pkgnames', pattern.split('*')[0] ?? '']);
    const matches = new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`);
    return output.split('\n').filter((name) => matches.test(name));
  }

  /** What packages have to download, in bytes. */
  async bytes(names: readonly string[]): Promise<number> {
    const { output } = await this.#apt('apt-cache', ['show', '--no-all-versions', ...names]);
    return [...output.matchAll(/^Size: (\d+)$/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  }

  /** Downloads packages. */
  async fetch(names: readonly string[]): Promise<void> {
    const result = await this.#apt('apt-get', ['download', '-qq', ...names], this.#archives);
    if (result.code !== 0) throw this.#failure(result, `packages cannot be fetched from ${this.#mirror}`);
  }

  /** Downloads a package of source, and unpacks it with Debian's patches into `directory`, which must not exist. */
  async source(name: string, version: string | undefined, directory: string): Promise<void> {
    const wanted = version === undefined ? name : `${name}=${version}`;
    const result = await this.#apt('apt-get', ['source', '-qq', '--download-only', wanted], this.#archives);
    if (result.code !== 0) throw this.#failure(result, `the source ${wanted} cannot be fetched from ${this.#mirror}`);
    const description = readdirSync(this.#archives).find((file) => file.endsWith('.dsc')) ?? '';
    // Without a check of its signature: apt has verified the file against the list that Debian signed.
    const words = ['--no-check', '-x', join(this.#archives, description), directory];
    const unpacked = await runTool('dpkg-source', words, { signal: this.#signal });
    if (unpacked.code !== 0) throw this.#failure(unpacked, `the source ${wanted} cannot be unpacked`);
  }

  /** What `fetch` has on disk by now, in bytes. */
  fetchedBytes(): number {
    const sizes = readdirSync(this.#archives, { withFileTypes: true, recursive: true }).map((entry) =>
      entry.isFile() ? (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0) : 0,
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Unpacks what was fetched below `root`, and removes the packages; nothing is installed. */
  async unpack(root: string): Promise<void> {
    for (const file of readdirSync(this.#archives).filter((name) => name.endsWith('.deb'))) {
      const path = join(this.#archives, file);
      const unpacked = await runTool('dpkg-deb', ['-x', path, root], { signal: this.#signal });
      if (unpacked.code !== 0) throw this.#failure(unpacked, `${file} cannot be unpacked`);
      rmSync(path);
    }
  }

  /** How the host reaches the network (proxies) is taken over; where its packages come from is not. */
  async #configurationText(): Promise<string> {
    const { output } = await runTool('apt-config', ['dump', 'Acquire'], { signal: this.#signal });
    const acquire = output.split('\n').filter((line) => /^Acquire::\w+::(Proxy|Timeout|ForceIPv)/i.test(line));
    const at = (name: string): string => JSON.stringify(join(this.#directory, name));
    return [
      ...acquire,
      `Dir::Etc::sourcelist ${at('sources.list')};`,
      `Dir::Etc::sourceparts ${at('nothing')};`,
      `Dir::Etc::parts ${at('nothing')};`,
      'Dir::Etc::main "/dev/null";',
      `Dir::State ${at('.')};`,
      `Dir::State::lists ${at('lists')};`,
      'Dir::State::status "/dev/null";',
      `Dir::Cache ${at('.')};`,
      `Dir::Cache::archives ${at('archives')};`,
      'Dir::Cache::pkgcache "";',
      'Dir::Cache::srcpkgcache "";',
      'APT::Sandbox::User "";',
      'APT::Architecture "amd64";',
      'APT::Architectures { "amd64"; };',
      'Acquire::Languages "none";',
      'Acquire::PDiffs "false";',
      'Acquire::Retries "2";',
      'Acquire::http::Timeout "20";',
      '',
    ].join('\n');
  }

  #apt(command: string, words: readonly string[], directory = this.#directory): Promise<ToolResult> {
    return runTool(command, words, {
      environment: { APT_CONFIG: this.#configuration },
      directory,
      signal: this.#signal,
    });
  }

  #failure({ errors, output }: ToolResult, what: string): GuestError {
    const lines = `${errors}\n${output}`.split('\n');
    const first =
      lines.find((line) => /^(E|Err):|No space/.test(line)) ?? lines.findLast((line) => line.trim() !== '') ?? '';
    return new GuestError(`${what}: ${first.trim()}`);
  }
}

/** Whether apt can verify what it fetches here. */
export function hasDebianKeys(): boolean {
  try {
    return readFileSync(keyring).length > 0;
  } catch {
    return false;
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
}
