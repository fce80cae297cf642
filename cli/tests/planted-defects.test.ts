import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { findCommand } from '../../drivers/iut-process/target-version.ts';
import { targetByName } from '../../fixtures/targets/index.ts';
import { builtTarget } from '../native-targets/built-targets.ts';
import { emptyDirectory, run } from './command-line.ts';

/**
 * The back-ends of `fixtures/native-targets` with a defect that shows at the first request: each must be seen. Without
 * clang these are left out, but for `npm run native-targets`.
 */
const isWanted = process.env['VHOST_CONFORMANCE_NATIVE_TARGETS'] === '1';
const skip = isWanted || findCommand('clang') !== undefined ? false : 'clang is not there';

const seedOf = { 'libvhost-user-asan': 'block-split.txt', 'dpdk-vhost-asan': 'net-split.txt' } as const;
type Name = keyof typeof seedOf;

/** A request in memory that a back-end cannot map without the bytes beside it. */
function requestFor(name: Name): string {
  const path = fileURLToPath(new URL(`../../../fixtures/corpus/${seedOf[name]}`, import.meta.url));
  return readFileSync(path, 'utf8').replace('= memory\n', '= memory layout=within-pages\n');
}

/** Replays a request on a target with a defect. Returns what was printed. */
async function shown(test: Test, name: Name, defect: string): Promise<string> {
  const cwd = emptyDirectory(test);
  const file = join(cwd, 'target.json');
  writeFileSync(file, JSON.stringify(await withDefect(name, defect)));
  writeFileSync(join(cwd, 'request.txt'), requestFor(name));
  const { stdout, stderr } = await run(['replay', 'request.txt', '--target-file', file], { cwd });
  return stdout + stderr;
}

async function withDefect(name: Name, defect: string): Promise<object> {
  const target = targetByName(name);
  if (target === undefined) throw new Error(name);
  const built = (await builtTarget({ target, words: [] })).target;
  const { start } = built;
  return { ...built, start: { ...start, arguments: [...(start?.arguments ?? []), '--defect', defect] } };
}

t.test('the request that shows the defects is there', (t) => {
  for (const name of ['libvhost-user-asan', 'dpdk-vhost-asan'] as const) {
    t.match(requestFor(name), /layout=within-pages[\s\S]*= chain /);
  }
  t.end();
});

for (const name of ['libvhost-user-asan', 'dpdk-vhost-asan'] as const) {
  t.test(`${name}: a write behind the structures of the virtqueues is reported`, { skip }, async (t) => {
    const text = await shown(t, name, 'virtqueue-overflow');
    t.match(text, /AddressSanitizer: heap-buffer-overflow WRITE in show_defect/);
    t.match(text, /^crash-SIGABRT-heap-buffer-overflow-WRITE-show-defect-\S+: 1 of 1 run$/m);
  });

  t.test(`${name}: a write behind a region of guest memory is reported`, { skip }, async (t) => {
    const text = await shown(t, name, 'guest-overflow');
    t.match(text, /it wrote outside of the memory that it was given: byte 0 behind a region/);
    t.match(text, /^stray-write-\S+: 1 of 1 run$/m);
  });

  t.test(`${name}: undefined behaviour is reported, and the process goes on`, { skip }, async (t) => {
    const text = await shown(t, name, 'undefined-behaviour');
    t.match(text, /^report-signed-integer-overflow-\S+-show-defect-\S+: 1 of 1 run$/m);
  });
}

t.test('a failed assertion has a bucket of its own', { skip }, async (t) => {
  const text = await shown(t, 'libvhost-user-asan', 'failed-assertion');
  t.match(text, /^crash-SIGABRT-show-defect-largest-0: 1 of 1 run$/m);
});

t.test('what a sanitizer says during a conformance run is in the finding', { skip }, async (t) => {
  const cwd = emptyDirectory(t);
  const judged = async (defect: string): Promise<string> => {
    const file = join(cwd, `${defect}.json`);
    writeFileSync(file, JSON.stringify(await withDefect('libvhost-user-asan', defect)));
    const words = [
      'run',
      '--target-file',
      file,
      '--case',
      'virtio/split-ring/used-idx-wraps-at-65536',
      '--out',
      defect,
    ];
    return (await run(words, { cwd })).stdout;
  };
  t.match(
    await judged('virtqueue-overflow'),
    /crash: .*\n.*AddressSanitizer: heap-buffer-overflow WRITE in show_defect/,
  );
  t.match(
    await judged('undefined-behaviour'),
    /\(robustness\): wrong: what a sanitizer of the back-end says\n.*signed integer overflow: .* in show_defect/,
  );
});
