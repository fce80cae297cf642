import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { kernelVhostMdevL1Blk } from '../../fixtures/targets/kernel-vhost-mdev.ts';
import { BlockDevice } from '../../reference-impl/devices/block-device.ts';
import { NetDevice } from '../../reference-impl/devices/net-device.ts';
import { type MdevMode, mdevRuleTables } from '../../reference-impl/vhost-mdev/mdev-rule-tables.ts';
import { IutGoneError } from '../errors.ts';
import { MediatedIut } from '../iut-process/mediated-iut.ts';
import { ownUuid, removeLeftBehind } from '../iut-process/own-mediated-device.ts';
import { inProcessMdev } from '../vfio/in-process-mdev.ts';
import { MdevSysfs } from '../vfio/mdev-sysfs.ts';
import { uuidOf } from '../vfio/vfio-subject.ts';
import { identifyMdev } from '../vhost-mdev/identify-mdev.ts';
import { openKernelMdev } from '../vhost-mdev/open-kernel-mdev.ts';
import { throwsUsage } from './thrown-errors.ts';

const somebodys = '01234567-89ab-4cde-8f01-23456789abcd';
const noProcess = (1 << 22) + 1;

/** A tree as sysfs has it, with a parent of one type; nothing in it acts by itself. */
function tree(t: Test) {
  const root = t.testdir({
    bus: { mdev: { devices: {} } },
    class: {
      mdev_bus: {
        other: { mdev_supported_types: { 'other-1': { create: '' } } },
        parent: { mdev_supported_types: { 'parent-vhost-mdev-net': { create: '' } } },
      },
    },
    module: {
      vhost_mdev: {
        parameters: { layout: 'l2\n', blk_queues: '1\n', blk_sectors: '1\n', net_pairs: '1\n' },
        notes: { '.note.gnu.build-id': Buffer.from(`${'0'.repeat(32)}0123456789abcdef`, 'hex') },
      },
    },
  });
  const created = join(root, 'class/mdev_bus/parent/mdev_supported_types/parent-vhost-mdev-net/create');
  return { root, sysfs: new MdevSysfs(root), created };
}

function addDevice(root: string, uuid: string): string {
  const directory = join(root, 'bus/mdev/devices', uuid);
  mkdirSync(join(directory, 'mdev_type'), { recursive: true });
  writeFileSync(join(directory, 'remove'), '');
  writeFileSync(join(directory, 'mdev_type/device_api'), 'vfio-vhost\n');
  return directory;
}

t.test('devices come and go by files', async (t) => {
  const { root, sysfs, created } = tree(t);
  t.ok(sysfs.hasModule('vhost_mdev'));
  t.notOk(sysfs.hasModule('vhost'));
  t.equal(sysfs.moduleBuildId('vhost_mdev'), '0123456789abcdef');
  t.equal(sysfs.moduleBuildId('vhost'), undefined);
  sysfs.setParameter('vhost_mdev', 'layout', 'l1');
  t.match(readFileSync(join(root, 'module/vhost_mdev/parameters/layout'), 'utf8'), /^l1/);
  sysfs.create('vhost-mdev-net', somebodys);
  t.equal(readFileSync(created, 'utf8'), somebodys);
  t.notOk(sysfs.has(somebodys));
  const directory = addDevice(root, somebodys);
  t.same(sysfs.uuids(), [somebodys]);
  t.ok(sysfs.has(somebodys));
  t.equal(sysfs.deviceApi(somebodys), 'vfio-vhost');
  sysfs.remove(somebodys);
  t.equal(readFileSync(join(directory, 'remove'), 'utf8'), '1');
});

t.test('what cannot be is one line', async (t) => {
  const { sysfs } = tree(t);
  throwsUsage(t, () => sysfs.create('vhost-mdev-blk', somebodys));
  t.throws(() => sysfs.create('vhost-mdev-blk', somebodys), { message: /^no driver here has .* vhost-mdev-blk$/ });
  t.throws(() => sysfs.setParameter('vhost_mdev', 'speed', '1'), { message: /speed of vhost_mdev .*: ENOENT$/ });
  t.throws(() => sysfs.remove(somebodys), { message: /could not be removed: ENOENT$/ });
  t.equal(sysfs.deviceApi(somebodys), undefined);
  t.same(new MdevSysfs('/nonexistent').uuids(), []);
});

t.test('devices of ours have UUIDs that tell who made them', async (t) => {
  const uuid = ownUuid(0x1234);
  t.equal(uuidOf(uuid), uuid);
  t.match(uuid, /^76686d64-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-000000001234$/);
  t.not(ownUuid(), ownUuid());
});

t.test('those of a dead run are removed, and no others', async (t) => {
  const { root, sysfs } = tree(t);
  const dead = spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' });
  const left = addDevice(root, ownUuid(Number(dead.stdout)));
  const ours = addDevice(root, ownUuid());
  const other = addDevice(root, somebodys);
  const alike = addDevice(root, `86686d64${ownUuid(noProcess).slice(8)}`);
  t.equal(removeLeftBehind(sysfs), 1);
  t.equal(readFileSync(join(left, 'remove'), 'utf8'), '1');
  for (const kept of [ours, other, alike]) t.equal(readFileSync(join(kept, 'remove'), 'utf8'), '');
});

t.test('a device that is ours is removed and made again; one that is not is left alone', async (t) => {
  const { root, sysfs } = tree(t);
  let count = 0;
  const create = (): void => {
    count++;
    addDevice(root, somebodys);
  };
  const iut = new MediatedIut(sysfs, somebodys, create);
  const directory = join(root, 'bus/mdev/devices', somebodys);
  t.ok(iut.isAlive());
  t.equal(iut.exit(), undefined);
  iut.restart();
  t.equal(count, 2);
  iut.close();
  t.equal(readFileSync(join(directory, 'remove'), 'utf8'), '1');
  rmSync(directory, { recursive: true });
  t.notOk(iut.isAlive());
  iut.close();

  addDevice(root, somebodys);
  const foreign = new MediatedIut(sysfs, somebodys);
  throwsUsage(t, () => foreign.restart());
  foreign.close();
  t.equal(readFileSync(join(directory, 'remove'), 'utf8'), '');
  const doomed = new MediatedIut(sysfs, somebodys, () => sysfs.setParameter('vhost_mdev', 'layout', 'l1'));
  rmSync(join(root, 'module'), { recursive: true });
  t.throws(() => doomed.restart(), IutGoneError, 'it does not come back');
});

t.test('a target without its module, or without its device', async (t) => {
  const { root, sysfs, created } = tree(t);
  rmSync(join(root, 'class/mdev_bus/parent'), { recursive: true });
  throwsUsage(t, () => openKernelMdev(kernelVhostMdevL1Blk, { sysfs }));
  t.notOk(existsSync(created));
  t.match(readFileSync(join(root, 'module/vhost_mdev/parameters/layout'), 'utf8'), /^l1/);
  rmSync(join(root, 'module'), { recursive: true });
  t.throws(() => openKernelMdev(kernelVhostMdevL1Blk, { sysfs }), { message: /^the module vhost_mdev is not loaded/ });
});

t.test('what a device shows of itself', async (t) => {
  const shown = (mode: MdevMode, device: 'block' | 'net') => {
    const make = device === 'block' ? () => new BlockDevice({ queues: 1 }) : () => new NetDevice();
    const carrier = inProcessMdev(make, mdevRuleTables[mode]);
    t.teardown(() => carrier.close());
    return identifyMdev(carrier);
  };
  t.match(shown('l1', 'net'), { layout: 'l1', deviceId: 1 });
  t.match(shown('l1', 'block'), { layout: 'l1', deviceId: 2 });
  const { layout, deviceId, offered } = shown('l2-faithful', 'net');
  t.equal(layout, 'l2');
  t.equal(deviceId, undefined);
  assert.ok(((offered >> 32n) & 1n) === 1n, 'VERSION_1');
});

t.test('a device that refuses, and one that is something else', async (t) => {
  const carrier = inProcessMdev(() => new BlockDevice({ queues: 1 }), {
    ...mdevRuleTables['l2-strict'],
    calls: { ...mdevRuleTables['l2-strict'].calls, deviceFlags: () => 1 },
  });
  t.teardown(() => carrier.close());
  t.throws(() => identifyMdev(carrier), { message: 'it is not a vhost-mdev: its flags are 0x1' });
  carrier.open();
  t.throws(() => identifyMdev(carrier), { message: 'EBUSY' });
});
