import t from 'tap';
import { plainGuest } from '../memory/guest.ts';
import type { MdevMode } from '../vhost-mdev/mdev-rule-tables.ts';
import { ringsInUse } from '../vhost-mdev/ring-set.ts';
import { errno } from '../wire/errno.ts';
import { encodeMdevMessage, MDEV_HEADER_SIZE, mdevMessages } from '../wire/mdev-messages.ts';
import { type VhostRequest, vhostRequests } from '../wire/vhost-requests.ts';
import { address, mdevUser, memoryTable, none, state, u64 } from './vhost-mdev/mdev-harness.ts';

const modes: readonly MdevMode[] = ['l1', 'l2-strict', 'l2-faithful'];
const isFaithful = (mode: MdevMode): boolean => mode === 'l2-faithful';
const unused = { desc: 0x1000n, used: 0x3000n, avail: 0x2000n };

t.test('numbers and sizes are those of the ioctl encoding', async (t) => {
  t.equal(MDEV_HEADER_SIZE, 16);
  for (const [name, number] of Object.entries(vhostRequests)) {
    t.equal((number >>> 8) & 0xff, 0xaf, `${name} is of type 0xaf`);
    const { payload, reply } = mdevMessages[name as VhostRequest];
    const encoded = (number >>> 16) & 0x3fff;
    const told = Math.max(payload.size, reply?.size ?? 0);
    if (encoded !== 0) t.equal(encoded, told, `${name} says the size of its structure`);
  }
  t.same(
    [...encodeMdevMessage('VHOST_GET_VRING_BASE', state(1, 2), { flags: 1 })],
    [...[0x12, 0xaf, 8, 0xc0, 0, 0, 0, 0], ...[1, 0, 0, 0, 8, 0, 0, 0], ...[1, 0, 0, 0, 2, 0, 0, 0]],
  );
  t.equal(encodeMdevMessage(0x1_0000_0000n, none, { size: 99 })[12], 99);
});

for (const mode of modes) {
  const refused = (error: number, count: number): number => (isFaithful(mode) ? count : -error);

  t.test(`${mode}: the write of a message`, async (t) => {
    const user = mdevUser(mode);
    const message = encodeMdevMessage('VHOST_SET_LOG_BASE', u64(5n));
    t.equal(user.file.pwrite(8, 24, message), -errno.EINVAL, 'at another offset');
    for (const count of [0, 1, 15]) {
      t.equal(user.file.pwrite(0, count, message.subarray(0, count)), -errno.EINVAL, `${count} bytes`);
    }
    t.equal(user.file.pwrite(0, 24, message.subarray(0, 15)), -errno.EFAULT, 'a header that cannot be read');
    t.equal(user.file.pwrite(0, 24, message.subarray(0, 20)), -errno.EFAULT, 'a payload that cannot be read');
    for (const size of [0, 7, 9, 0xffff_ffff]) {
      t.equal(user.send('VHOST_SET_LOG_BASE', u64(5n), { size }), -errno.EINVAL, `size ${size} of 24 bytes`);
    }
    const { largestPayload } = user.rules.layout;
    t.equal(user.send(0xdeadn, new Uint8Array(largestPayload + 1)), -errno.EINVAL, 'beyond the largest payload');
    const most = largestPayload + MDEV_HEADER_SIZE;
    t.equal(user.send(0xdeadn, new Uint8Array(largestPayload)), refused(errno.EINVAL, most), 'an unknown request');
    t.equal(user.device.logBase, 0n, 'none of them was carried out');
    t.equal(user.send('VHOST_SET_LOG_BASE', u64(5n), { flags: 0xffff_ffff }), 24);
    t.equal(user.device.logBase, 5n, 'flags are not looked at');
    t.equal(user.send(BigInt(vhostRequests.VHOST_SET_LOG_BASE) | (1n << 32n), u64(6n)), refused(errno.EINVAL, 24));
    t.equal(user.device.logBase, 5n, 'all 64 bits of the request count');
  });

  t.test(`${mode}: payloads short of their message`, async (t) => {
    const user = mdevUser(mode);
    const allOnes = new Uint8Array(8).fill(0xff);
    user.send('VHOST_SET_LOG_BASE', allOnes);
    t.equal(user.send('VHOST_SET_LOG_BASE', allOnes.subarray(0, 3)), refused(errno.EINVAL, 19));
    t.equal(
      user.device.logBase,
      isFaithful(mode) ? 0xff_ffffn : 2n ** 64n - 1n,
      'what is missing is zero, or it is refused',
    );
  });

  t.test(`${mode}: an answer`, async (t) => {
    const user = mdevUser(mode);
    t.same(user.receive(), { answered: 0 }, 'none waits');
    t.equal(user.file.pread(4, 24, new Uint8Array(24)), -errno.EINVAL, 'at another offset');
    t.equal(user.send('VHOST_GET_FEATURES', none, { flags: 1 }), 16);
    const answer = user.receive();
    t.match(answer, { answered: 24, header: { request: BigInt(vhostRequests.VHOST_GET_FEATURES), flags: 0, size: 8 } });
    t.same(user.receive(), { answered: 0 }, 'it is read once');
    user.send('VHOST_GET_FEATURES');
    t.ok(user.device.channel.isAnswerWaiting, 'it waits without need-reply too');
    for (const count of [0, 16, 23, 25]) {
      user.send('VHOST_GET_FEATURES');
      t.equal(user.file.pread(0, count, new Uint8Array(count)), -errno.EINVAL, `a read of ${count} bytes`);
      t.equal(user.device.channel.isAnswerWaiting, !isFaithful(mode), 'is the end of it where the text has it');
    }
    user.send('VHOST_GET_FEATURES');
    t.equal(user.file.pread(0, 24, new Uint8Array(23)), -errno.EFAULT, 'a buffer that cannot be written');
    t.ok(user.device.channel.isAnswerWaiting);
    user.send('VHOST_GET_FEATURES');
    user.send('VHOST_GET_VRING_BASE', state(1, 0));
    t.match(user.receive(), { header: { request: BigInt(vhostRequests.VHOST_GET_VRING_BASE) } }, 'the second replaces');
    t.same(user.receive(), { answered: 0 });
  });

  t.test(`${mode}: what rings are told`, async (t) => {
    const user = mdevUser(mode);
    const [, second] = user.device.rings.records;
    t.equal(ringsInUse(user.device.rings.records), 0);
    t.equal(user.send('VHOST_SET_VRING_ADDR', address(1, unused)), 56);
    t.equal(ringsInUse(user.device.rings.records), 2, 'rings in use reach to the last address');
    t.same(second?.addresses, { desc: 0x1000n, used: 0x3000n, avail: 0x2000n });
    t.equal(second?.logAddress, 7n);
    t.equal(user.send('VHOST_SET_VRING_NUM', state(1, 64)), 24);
    t.equal(user.send('VHOST_SET_VRING_BASE', state(1, 5)), 24);
    t.match(second, { size: 64, base: 5 });
    t.equal(user.ask('VHOST_GET_VRING_BASE', state(1, 0)), 5);
    for (const num of [3, 0x1_0000, 0x1_0008]) {
      t.equal(user.send('VHOST_SET_VRING_NUM', state(1, num)), refused(errno.EINVAL, 24), `size ${num}`);
      t.equal(second?.size, isFaithful(mode) ? num & 0xffff : 64);
    }
    t.equal(user.send('VHOST_SET_VRING_NUM', state(1, 0)), 24, 'size 0 takes a ring out of use');
    t.equal(second?.size, 0);
    t.equal(user.send('VHOST_SET_VRING_BASE', state(1, 0x1_0007)), refused(errno.EINVAL, 24));
    t.equal(second?.base, isFaithful(mode) ? 7 : 5);
    const before = structuredClone(user.device.rings.records);
    for (const index of [2, 0xffff_ffff]) {
      t.equal(user.send('VHOST_SET_VRING_ADDR', address(index, unused)), refused(errno.ENOBUFS, 56));
      t.equal(user.send('VHOST_SET_VRING_NUM', state(index, 8)), refused(errno.ENOBUFS, 24));
      t.equal(user.send('VHOST_SET_VRING_BASE', state(index, 8)), refused(errno.ENOBUFS, 24));
      t.equal(user.send('VHOST_GET_VRING_BASE', state(index, 8)), refused(errno.ENOBUFS, 24));
      t.match(user.receive(), isFaithful(mode) ? { answered: 24 } : { answered: 0 }, 'no index check, as coded');
    }
    t.strictSame(user.device.rings.records, before, 'nothing changed');
    t.equal(ringsInUse(user.device.rings.records), 2);
  });

  t.test(`${mode}: features`, async (t) => {
    const user = mdevUser(mode);
    const offered = user.ask('VHOST_GET_FEATURES');
    t.equal(offered, user.device.offeredFeatures);
    t.equal(
      (user.device.offeredFeatures >> 33n) & 1n,
      mode === 'l1' ? 0n : 1n,
      'ACCESS_PLATFORM, where addresses are mapped',
    );
    t.equal(user.send('VHOST_SET_FEATURES', u64(1n << 32n)), 24);
    t.equal(user.parent.features, 1n << 32n);
    t.equal(user.send('VHOST_SET_FEATURES', u64(1n << 63n)), refused(errno.EINVAL, 24), 'a bit that is not offered');
    t.equal(user.device.features, isFaithful(mode) ? 1n << 63n : 0n);
    t.equal(user.parent.features, 1n << 32n, 'the parent has its own say');
  });

  t.test(`${mode}: the owner and the log`, async (t) => {
    const user = mdevUser(mode);
    const before = user.ask('VHOST_GET_FEATURES');
    for (const request of ['VHOST_SET_OWNER', 'VHOST_RESET_OWNER'] as const) {
      t.equal(user.send(request), 16);
      t.equal(user.send(request), 16, 'any number of times');
    }
    t.equal(user.ask('VHOST_GET_FEATURES'), before);
    t.same(user.receive(), { answered: 0 }, 'they have no answer');
  });

  t.test(`${mode}: the state`, async (t) => {
    const user = mdevUser(mode);
    const set = (value: bigint) => user.send('VHOST_DEVICE_SET_STATE', u64(value));
    t.equal(user.device.isRunning, false, 'stopped at first');
    t.equal(set(0n), 24, 'the same state again');
    t.equal(set(1n), 24);
    t.equal(set(1n), 24, 'the same state again');
    for (const value of [2n, 1n << 32n]) t.equal(set(value), refused(errno.EINVAL, 24), `state ${value}`);
    t.equal(user.device.isRunning, true);
    t.equal(set(0n), 24);
    t.equal(user.device.isRunning, false);
    t.equal(
      user.send('VHOST_DEVICE_SET_STATE', Uint8Array.of(1, 0, 0, 0)),
      20,
      'four bytes, as the first client sends',
    );
    t.equal(user.device.isRunning, true);
    t.equal(user.send('VHOST_DEVICE_SET_STATE', Uint8Array.of(0)), refused(errno.EINVAL, 17), 'one byte');
    t.equal(user.device.isRunning, !isFaithful(mode));
  });
}

t.test('the memory table', async (t) => {
  const guest = plainGuest();
  const table = memoryTable(guest);
  for (const mode of ['l2-strict', 'l2-faithful'] as const) {
    const user = mdevUser(mode, { guest });
    t.equal(user.send('VHOST_SET_MEM_TABLE', table), 16 + table.length, `${mode} takes it`);
    t.equal(user.send('VHOST_SET_MEM_TABLE', Uint8Array.of(0xff)), 17, 'and does not look at it');
    t.same(user.device.container.mappings, []);
  }
  const user = mdevUser('l1', { guest });
  const changed = (at: number, value: number, width: 4 | 8 = 4): Uint8Array => {
    const copy = table.slice();
    const view = new DataView(copy.buffer);
    if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    return copy;
  };
  t.equal(user.send('VHOST_SET_MEM_TABLE', table), 16 + table.length);
  t.equal(user.send('VHOST_SET_MEM_TABLE', changed(4, 1)), -errno.EINVAL, 'padding');
  t.equal(user.send('VHOST_SET_MEM_TABLE', changed(0, 3)), -errno.EINVAL, 'more regions than there are bytes');
  t.equal(user.send('VHOST_SET_MEM_TABLE', changed(0, 1)), -errno.EINVAL, 'fewer regions than there are bytes');
  t.equal(user.send('VHOST_SET_MEM_TABLE', changed(0, 65)), -errno.E2BIG, 'more than 64');
  t.equal(user.send('VHOST_SET_MEM_TABLE', changed(16, 0, 8)), -errno.EINVAL, 'an empty region');
  t.equal(user.send('VHOST_SET_MEM_TABLE', changed(24, 0x1000, 8)), -errno.EFAULT, 'memory that is not there');
  const twice = changed(40, 0, 8);
  twice.set(twice.subarray(8, 40), 40);
  t.equal(user.send('VHOST_SET_MEM_TABLE', twice), -errno.EINVAL, 'regions that overlap');
  t.equal(user.send('VHOST_SET_MEM_TABLE', none), -errno.EINVAL, 'nothing');
  t.equal(user.send('VHOST_SET_MEM_TABLE', new Uint8Array(8)), 24, 'a table of none');
});
