import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isCommand } from '../guest/kernel-files.ts';
import { emptyDirectory, run } from './command-line.ts';

const program = fileURLToPath(new URL('functions-in-guest.js', import.meta.url));
const skip = isCommand('qemu-system-x86_64') ? false : 'QEMU is not there';

/** What each step has to see. */
const expected: Readonly<Record<string, unknown>> = {
  idle: [],
  network: ['default-route: eth0', 'login: eth0, to 10.0.2.15'],
  'file system': ['mounted: vda at /tmp/disk', 'held-disk: vda is open for one user alone'],
  'shared directory': true,
  swap: ['swap: vda'],
  group: ['shared-group: 0000:00:1f.0, 0000:00:1f.3'],
  borrowed: ['vfio-pci', 'opened'],
  'given back': [[], 'virtio-pci', 0],
  killed: ['vfio-pci', 'virtio-pci'],
  interface: [true, true],
};

t.test('functions of a host in use, in the kernel guest', { skip, timeout: 600_000 }, async (t) => {
  const hardware = ['virtio-net-pci', 'virtio-blk-pci'].flatMap((name) => ['--hardware-of', name]);
  const command = `SSH_CONNECTION='10.0.2.2 1022 10.0.2.15 22' exec ${process.execPath} ${program}`;
  const { code, stdout, stderr } = await run(
    ['guest', ...hardware, '--boot-limit', '300', '--drivers', '--shell', command],
    {
      cwd: emptyDirectory(t),
    },
  );
  t.equal(code, 0, `${stderr}${stdout}`);
  const seen = Object.fromEntries(
    stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
      .map(({ step, seen: what }) => [step, what]),
  );
  for (const [step, what] of Object.entries(expected)) t.same(seen[step], what, step);
});
