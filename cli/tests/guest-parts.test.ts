import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { vpVdpaBlk } from '../../fixtures/targets/vp-vdpa.ts';
import type { CaseRecord } from '../../reports/record/record.ts';
import { CacheDirectory } from '../guest/cache-directory.ts';
import { hardwareOf } from '../guest/guest-hardware.ts';
import { kernelDeath } from '../guest/kernel-complaint.ts';
import { loadOrder, moduleInformation } from '../guest/module-information.ts';
import { withOptions } from '../guest/own-modules.ts';
import { KernelDeaths } from '../kernel-deaths.ts';
import { diedBehindRecord, notRepeatedRecord } from '../parent-record.ts';
import { emptyDirectory } from './command-line.ts';

const modinfo = (...strings: readonly string[]): Buffer =>
  Buffer.from(`\x7fELF\0${strings.join('\0')}\0rest`, 'latin1');

t.test('what a module says of itself', async (t) => {
  const module = modinfo('name=vhost_mdev', 'depends=mdev,vfio', 'parmtype=layout:charp', 'parm=provoke:what to break');
  t.same(moduleInformation(module), {
    name: 'vhost_mdev',
    depends: ['mdev', 'vfio'],
    parameters: ['layout', 'provoke'],
  });
  t.same(moduleInformation(modinfo('name=alone', 'depends=')).depends, []);
});

t.test('modules are loaded behind what they need, each once; what is built in is left out', async (t) => {
  const depends = new Map([
    ['9p', ['9pnet', 'netfs']],
    ['9pnet_virtio', ['9pnet', 'virtio']],
    ['9pnet', []],
    ['netfs', []],
  ]);
  const order = loadOrder(['9p', '9pnet_virtio'], (name) => depends.get(name));
  t.same(order, ['9pnet', 'netfs', '9p', '9pnet_virtio']);
});

t.test('a module option goes to every module that has the parameter', async (t) => {
  const directory = emptyDirectory(t);
  const net = join(directory, 'net.ko');
  const block = join(directory, 'block.ko');
  writeFileSync(net, modinfo('name=net', 'parmtype=debug:int', 'parmtype=pairs:int'));
  writeFileSync(block, modinfo('name=block', 'parmtype=debug:int'));
  t.same(withOptions([net, block], ['debug=1', 'pairs=2']), [
    { path: net, options: ['debug=1', 'pairs=2'] },
    { path: block, options: ['debug=1'] },
  ]);
  t.throws(() => withOptions([block], ['pairs=2']), { message: /no module has a parameter pairs; there are debug$/ });
  t.throws(() => withOptions([], ['pairs=2']), { message: /there are none$/ });
  t.throws(() => withOptions([block], ['debug']), { message: /write NAME=VALUE/ });
});

t.test('what the machine has for several targets, and nothing twice', async (t) => {
  const directory = emptyDirectory(t);
  const iommu = ['-device', 'intel-iommu'];
  const disk = (name: string) => ({
    facts: { ...vpVdpaBlk.facts, name },
    guest: {
      qemu: [...iommu, '-blockdev', `filename={dir}/disk,node-name=${name}`],
      files: { disk: 512 },
      kernelOptions: ['intel_iommu=on'],
    },
  });
  const { qemu, kernelOptions } = hardwareOf([disk('one'), { facts: vpVdpaBlk.facts }, disk('two')], directory);
  const file = (name: string): string => join(directory, name, 'disk');
  const blockdev = (name: string): string[] => ['-blockdev', `filename=${file(name)},node-name=${name}`];
  t.same(qemu, [...iommu, ...blockdev('one'), ...blockdev('two')]);
  t.same(kernelOptions, ['intel_iommu=on']);
  t.equal(statSync(file('two')).size, 512);
});

t.test('a complaint of the kernel, without what differs from boot to boot', async (t) => {
  const oops = [
    '[   12.000001] vhost-mdev vhost-mdev: MDEV: Registered',
    '[   24.038980] BUG: kernel NULL pointer dereference, address: 0000000000000008',
    '[   24.040973] Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI',
    '[   24.042787] CPU: 0 UID: 0 PID: 161 Comm: node Tainted: G           OE',
    '[   24.044794] RIP: 0010:handle+0x10/0x40 [vhost_mdev]',
    '[   24.077455] Kernel panic - not syncing: Fatal exception',
  ].join('\n');
  const death = kernelDeath(oops);
  t.equal(death.how, 'crash');
  t.equal(
    death.signature,
    'BUG: kernel NULL pointer dereference, address: 0000000000000008 (at handle+0x10/0x40 [vhost_mdev])',
  );
  t.match(death.log, /^BUG: kernel NULL.*\n.*\n.*\nRIP: .*\nKernel panic/, 'from the complaint on');

  const warning =
    '[ 3.1] WARNING: CPU: 0 PID: 99 at /build/ring.c:12 use+0x1/0x2 [vhost_mdev]\n[ 3.2] RIP: 0010:use+0x1/0x2';
  t.equal(kernelDeath(warning).signature, 'WARNING: CPU: 0 at /build/ring.c:12 use+0x1/0x2 [vhost_mdev]');

  const hung =
    '[ 40.0] INFO: task node:161 blocked for more than 15 seconds.\n[ 40.1] Kernel panic - not syncing: hung_task';
  t.match(kernelDeath(hung), { how: 'hang', signature: 'INFO: task node blocked for more than 15 seconds.' });
  const lockup = '[ 40.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [kworker/0:1:12]';
  t.match(kernelDeath(lockup), { how: 'hang', signature: 'watchdog: BUG: soft lockup - CPU#0 stuck! [kworker/0:1]' });
  t.match(kernelDeath('[ 5.0] Kernel panic - not syncing: provoked'), { how: 'crash', signature: /provoked$/ });
  t.match(kernelDeath('[ 5.0] all is well'), { how: 'crash', signature: /was reset/, log: 'all is well' });
});

t.test('which case the death of a kernel belongs to', async (t) => {
  const deaths = new KernelDeaths();
  const result = (key: string) => ({ key, target: 'module', repetition: 0 });
  const death = { how: 'crash', signature: 'BUG: here', log: '' } as const;
  deaths.booted();
  for (const key of ['a', 'b', 'c']) deaths.began(key);
  t.equal(deaths.isProven(result('c'), 'c', death), false, 'others ran before it');
  t.same(deaths.suspect, { result: result('c'), death, before: ['a', 'b'] });
  deaths.booted();
  deaths.began('c');
  t.equal(deaths.isProven(result('c'), 'c', death), true, 'alone on a fresh boot');
  t.equal(deaths.suspect, undefined);
  for (const key of ['c[x=1]', 'c[x=2]']) {
    t.equal(deaths.whyGivenUp(result('c'), 'c'), undefined);
    deaths.booted();
    deaths.began(key);
    t.equal(deaths.isProven(result(key), 'c', death), true);
  }
  t.equal(deaths.whyGivenUp(result('c'), 'c'), 'this case ended the kernel 3 times: BUG: here');
  t.equal(deaths.whyGivenUp(result('d'), 'd'), undefined);
  t.equal(deaths.whyGivenUp({ ...result('c'), target: 'other' }, 'c'), undefined);
  for (let count = 4; count < 12; count++) {
    t.equal(deaths.whyTargetGivenUp('module'), undefined);
    deaths.booted();
    deaths.began(`d${count}`);
    deaths.isProven(result(`d${count}`), `d${count}`, death);
  }
  t.equal(deaths.whyGivenUp(result('e'), 'e'), 'given up: the kernel died 12 times');
});

t.test('a result that is known to end the kernel counts towards no limit', async (t) => {
  const deaths = new KernelDeaths(({ key }) => (key.startsWith('known') ? { case: 'known', how: 'crash' } : undefined));
  const death = { how: 'crash', signature: 'BUG: here', log: '' } as const;
  for (let count = 0; count < 13; count++) {
    const key = `known[x=${count}]`;
    deaths.booted();
    deaths.began(`${key},layout=packed`);
    deaths.didNotApply(`${key},layout=packed`);
    deaths.began(key);
    t.equal(deaths.isProven({ key, target: 'module', repetition: 0 }, 'known', death), true, 'alone, it is proven');
  }
  const known = { key: 'known[x=20]', target: 'module', repetition: 0 };
  const why = 'left out: known[x=0] ended the kernel as expected: BUG: here';
  t.equal(deaths.whyGivenUp(known, 'known'), why, 'one of a case was tried');
  t.equal(deaths.whyGivenUp(known, 'another'), undefined, 'another case');
  t.equal(deaths.whyGivenUp({ ...known, key: 'x' }, 'known'), undefined, 'not known to');
  const hangs = new KernelDeaths(() => ({ case: 'known', how: 'hang' }));
  hangs.booted();
  hangs.began('known[x=1]');
  t.equal(hangs.isProven({ ...known, key: 'known[x=1]' }, 'known', death), true);
  t.equal(hangs.whyGivenUp(known, 'known'), undefined, 'it ended in another way than expected');
  t.equal(deaths.whyTargetGivenUp('module'), undefined);
});

t.test('a death of the kernel that no case repeats belongs to the run', async (t) => {
  const passed: CaseRecord = {
    event: 'case',
    key: 'b',
    target: 'module',
    repetition: 0,
    caseId: 'b',
    title: 'b',
    variant: {},
    verdict: 'pass',
    outcomes: [{ requirement: 'ring/served', outcome: 'pass', checks: 3 }],
    findings: [],
    durationMs: 1,
    seed: 1,
    rerun: '',
  };
  const death = { how: 'crash', signature: 'BUG: here', log: '' } as const;
  const why = 'the kernel died here (BUG: here), but not with this case alone on a fresh boot; before it ran: a';
  t.match(notRepeatedRecord(passed, death, ['a']), {
    verdict: 'inconclusive',
    outcomes: [{ requirement: 'ring/served', outcome: 'inconclusive', checks: 3, why }],
  });
  const behind = diedBehindRecord(passed, death, []);
  t.equal(behind.outcomes[0]?.why, 'the kernel died behind this case (BUG: here), before another began');
  const failed: CaseRecord = {
    ...passed,
    verdict: 'fail',
    outcomes: [{ requirement: 'ring/served', outcome: 'fail', checks: 1 }],
  };
  t.same(diedBehindRecord(failed, death, ['a']), failed, 'a failure stays one');
});

t.test('an entry of the cache is made by one process at a time, and is whole or not there', async (t) => {
  const path = join(emptyDirectory(t), 'a', 'cache');
  const cache = new CacheDirectory(path);
  const find = (): string | undefined => cache.entries().find((name) => name === 'thing');
  let made = 0;
  const make = async (directory: string): Promise<string> => {
    made++;
    writeFileSync(join(directory, 'file'), 'x');
    t.same(cache.entries(), [], 'nothing to be seen of it yet');
    await new Promise((resolve) => setTimeout(resolve, 300));
    return 'thing';
  };
  const waited: number[] = [];
  const waiting = (pid: number): void => void waited.push(pid);
  const places = await Promise.all([cache.entry(find, make, waiting), cache.entry(find, make, waiting)]);
  t.same(places, [join(path, 'thing'), join(path, 'thing')]);
  t.equal(made, 1);
  t.same(waited, [process.pid]);

  await t.rejects(
    cache.entry(
      () => undefined,
      async () => {
        throw new Error('half made');
      },
      waiting,
    ),
    { message: 'half made' },
  );
  t.same(readdirSync(path), ['thing'], 'nothing is left of a failure, nor its lock');
});

t.test('what a killed process left in the cache goes with the next', async (t) => {
  const path = emptyDirectory(t);
  const { pid } = spawnSync('true');
  mkdirSync(join(path, `.unfinished-${pid}-abcd`));
  writeFileSync(join(path, '.lock'), String(pid));
  const cache = new CacheDirectory(path);
  await cache.entry(
    () => undefined,
    async () => 'thing',
    () => t.fail('there is nothing to wait for'),
  );
  t.same(readdirSync(path), ['thing']);
});
