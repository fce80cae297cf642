import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { driverOf } from '../../drivers/pci/binding.ts';
import { usesOf } from '../../drivers/pci/function-uses.ts';
import { KernelVfio } from '../../drivers/vfio/kernel-vfio.ts';
import { pciSubject } from '../../drivers/vfio/vfio-subject.ts';
import { borrowFunction, giveBack } from '../hardware/borrowed-functions.ts';

/**
 * What guest-functions.test.ts runs in the kernel guest, on virtio functions that Linux drives. Prints a line of JSON for each
 * step: its name and what was seen.
 */
const net = '0000:01:00.0';
const disk = '0000:02:00.0';
const address = '10.0.2.15/24';
const mountPoint = '/tmp/disk';
const backWithinMs = 60_000;

const say = (step: string, seen: unknown): void => console.log(JSON.stringify({ step, seen }));
const run = (line: string): void => void execFileSync('sh', ['-c', line], { stdio: ['ignore', 'ignore', 'inherit'] });
const uses = (of: string): string[] => usesOf(of).map(({ use, detail }) => `${use}: ${detail}`);
const shared = (): string =>
  readdirSync('/sys/bus/pci/devices').find((one) => uses(one).some((use) => use.startsWith('mounted: control'))) ?? '';

async function driverComesBack(of: string): Promise<string | undefined> {
  for (let waited = 0; driverOf(of) !== 'virtio-pci' && waited < backWithinMs; waited += 100) await setTimeout(100);
  return driverOf(of);
}

if (process.argv[2] === 'hold') {
  borrowFunction(net);
  console.log('held');
  await setTimeout(600_000);
}

say('idle', [...uses(net), ...uses(disk)]);
run(`ip address add ${address} dev eth0 && ip link set eth0 up && ip route add default via 10.0.2.2`);
say('network', uses(net));
mkdirSync(mountPoint, { recursive: true });
run(`mkfs.ext4 -q -O ^has_journal /dev/vda && mount /dev/vda ${mountPoint}`);
say('file system', uses(disk));
say('shared directory', shared() !== '');
run(`umount ${mountPoint} && mkswap /dev/vda && swapon /dev/vda`);
say('swap', uses(disk));
run('swapoff /dev/vda && ip route del default');
say('group', uses('0000:00:1f.2'));

borrowFunction(disk);
const opened = new KernelVfio(pciSubject(disk)).open();
if (opened.kind === 'opened') opened.file.close();
say('borrowed', [driverOf(disk), opened.kind === 'opened' ? 'opened' : opened.why]);
say('given back', [await giveBack(), driverOf(disk), spawnSync('test', ['-b', '/dev/vda']).status]);

const holder = spawn(process.execPath, [fileURLToPath(import.meta.url), 'hold'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
await new Promise((resolve, reject) => {
  holder.stdout.once('data', resolve);
  holder.once('exit', (code, signal) => reject(new Error(`the holder ended by ${signal ?? code}`)));
});
const held = driverOf(net);
holder.kill('SIGKILL');
say('killed', [held, await driverComesBack(net)]);
let shown = '';
for (let waited = 0; !shown.includes(address) && waited < backWithinMs; waited += 200) {
  await setTimeout(200);
  shown = spawnSync('ip', ['address', 'show', 'eth0'], { encoding: 'utf8' }).stdout;
}
say('interface', [shown.includes('UP'), shown.includes(address)]);
