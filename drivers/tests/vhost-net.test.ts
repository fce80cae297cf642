import assert from 'node:assert/strict';
import { accessSync, constants, existsSync, readFileSync, readSync, writeSync } from 'node:fs';
import t from 'tap';
import { vhostNetTap } from '../../fixtures/targets/vhost-net.ts';
import { featureByName } from '../../reference-impl/catalogue/features.ts';
import { defaultGuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { errno } from '../../reference-impl/wire/errno.ts';
import { ioctlName } from '../../reference-impl/wire/ioctl-names.ts';
import { KernelVhostNet, type VhostNetKernel } from '../vhost-net/kernel-vhost-net.ts';
import { Tap } from '../vhost-net/tap.ts';
import { VhostNetPort } from '../vhost-net/vhost-net-port.ts';
import { ExistingVdpa } from '../vhost-vdpa/vdpa-iut.ts';
import { throwsUsage } from './thrown-errors.ts';

const canMakeTaps = (): boolean => {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
};
const skip = canMakeTaps() ? false : 'no permission to make a tap device';
const header = Buffer.alloc(10);
const frameOf = (...type: number[]): Buffer =>
  Buffer.from([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, ...type, ...Array(46).fill(7)]);

function received(tap: Tap, withinMs = 5000): Buffer | undefined {
  const bytes = Buffer.alloc(2048);
  for (const end = Date.now() + withinMs; Date.now() < end; ) {
    tap.onReady();
    try {
      return bytes.subarray(0, readSync(tap.fd, bytes));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
  return undefined;
}

t.test('a tap gives frames back as they were, and is gone with its descriptor', { skip }, async (t) => {
  const name = `vct${process.pid % 1_000_000}`;
  const tap = new Tap(name);
  t.ok(existsSync(`/sys/class/net/${name}`));
  t.ok(Number(readFileSync(`/sys/class/net/${name}/flags`, 'utf8')) & 1, 'it is up');
  tap.setHeaderSize(10);
  for (const frame of [
    frameOf(0x88, 0xb5),
    frameOf(0x81, 0x00, 0x00, 0x64, 0x88, 0xb5),
    frameOf(0x81, 0, 0, 0, 0x88, 0xb5),
  ]) {
    writeSync(tap.fd, Buffer.concat([header, frame]));
    t.equal(received(tap)?.subarray(header.length).toString('hex'), frame.toString('hex'));
  }
  tap.setHeaderSize(12);
  writeSync(tap.fd, Buffer.concat([Buffer.alloc(12), frameOf(0x88, 0xb5)]));
  t.equal(received(tap)?.length, 12 + frameOf(0x88, 0xb5).length, 'with the header that was set');
  writeSync(tap.fd, Buffer.concat([Buffer.alloc(12), frameOf(0x88, 0xb5)]));
  tap.drain();
  t.equal(received(tap, 100), undefined, 'nothing is left of it');
  tap.close();
  t.notOk(existsSync(`/sys/class/net/${name}`));
});

t.test('what is no name of a tap', { skip }, async (t) => {
  throwsUsage(t, () => new Tap(''), 'empty');
  throwsUsage(t, () => new Tap('a-name-of-16-byte'), 'too long');
  throwsUsage(t, () => new Tap('lo'), 'another interface');
});

/** A kernel with vhost-net: what is asked of it stands in `calls`. */
class ScriptedVhostNet implements VhostNetKernel {
  readonly calls: string[] = [];
  readonly arguments: Record<string, Uint8Array> = {};
  open = (): number => 900;

  ioctl(_fd: number, request: number, argument: Uint8Array): number {
    const name = ioctlName(request);
    this.calls.push(name);
    this.arguments[name] = argument.slice();
    const view = new DataView(argument.buffer, argument.byteOffset);
    if (name === 'VHOST_GET_FEATURES') view.setBigUint64(0, 0x1_3300_8000n, true);
    if (name === 'VHOST_GET_VRING_BASE') view.setUint32(4, 77, true);
    return 0;
  }

  write = (): number => 0;
  read = (): number => -errno.EAGAIN;
  close = (): void => undefined;
}

t.test('a ring is set up call by call, runs with its backend, and tells where it stopped', { skip }, async (t) => {
  const kernel = new ScriptedVhostNet();
  const port = new VhostNetPort({
    facts: { ...vhostNetTap.facts, version: 'scripted' },
    carrier: new KernelVhostNet('/dev/vhost-net', kernel),
    iut: new ExistingVdpa('/dev/net/tun'),
    network: new Tap(`vcs${process.pid % 1_000_000}`),
  });
  const guest = port.createGuest(defaultGuestLayout);
  const opened = port.connect();
  assert.ok(opened.kind === 'connected');
  const { session } = opened;
  const version = 1n << BigInt(featureByName('VIRTIO_F_VERSION_1').bit);
  t.equal(session.negotiate({ device: version | 1n }).accepted.device, version, 'what is not offered is not accepted');
  t.equal(session.shareMemory(guest).kind, 'done');
  const table = new DataView(kernel.arguments['VHOST_SET_MEM_TABLE']?.buffer ?? new ArrayBuffer(0));
  t.equal(table.getUint32(0, true), guest.regions.length);
  t.equal(table.getBigUint64(8, true), guest.regions[0]?.guestAddress);
  t.equal(table.getBigUint64(24, true), guest.regions[0]?.userAddress);
  kernel.calls.length = 0;
  const queue = session.attach(guest.ring({ size: 16, layout: 'split' }), { index: 1 });
  t.same(kernel.calls.splice(0), [
    'VHOST_SET_VRING_NUM',
    'VHOST_SET_VRING_BASE',
    'VHOST_SET_VRING_ADDR',
    'VHOST_SET_VRING_CALL',
    'VHOST_SET_VRING_ERR',
    'VHOST_SET_VRING_KICK',
    'VHOST_NET_SET_BACKEND',
  ]);
  const stopped = queue.stop();
  t.same(kernel.calls.splice(0), ['VHOST_NET_SET_BACKEND', 'VHOST_GET_VRING_BASE']);
  t.match(kernel.arguments['VHOST_NET_SET_BACKEND'], new Uint8Array([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
  t.match(stopped, { kind: 'stopped', position: { layout: 'split' } });
  port.close();
});
