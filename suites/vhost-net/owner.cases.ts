import { errorName } from '../../reference-impl/wire/errno.ts';
import { defineCase } from '../case.ts';
import { refusesCall, takes } from '../vhost-kernel/refusal.ts';

/** The owner of an open /dev/vhost-net, and what RESET_OWNER takes back. */

const transports = ['vhost-kernel'] as const;

export const newOwner = defineCase({
  id: 'vhost-net/owner/reset-owner-allows-a-new-owner',
  title: 'behind RESET_OWNER a device has no owner, and SET_OWNER is taken again',
  proves: { 'vk-owner/reset-owner-allows-new-owner': 'vhost-net-reset-leaves-owner' },
  applies: { start: 'prepared', transports, ring: 'none' },
  run({ session: { calls }, requirement }) {
    const check = requirement('vk-owner/reset-owner-allows-new-owner');
    check.presumes(calls.setOwner() < 0, 'the device has an owner');
    if (!takes(check, calls.resetOwner(), 'RESET_OWNER')) return;
    check.equal(errorName(calls.setSize(0, 16)), 'EPERM', 'what SET_VRING_NUM answers without an owner');
    takes(check, calls.setOwner(), 'SET_OWNER behind RESET_OWNER');
    takes(check, calls.setSize(0, 16), 'SET_VRING_NUM of the new owner');
  },
});

export const resetWithoutOwner = defineCase({
  id: 'vhost-net/owner/reset-owner-wants-an-owner',
  title: 'RESET_OWNER fails with EPERM where there is no owner',
  proves: { 'vk-owner/calls-before-set-owner-denied': 'vhost-net-needs-no-owner' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    refusesCall(context, context.requirement('vk-owner/calls-before-set-owner-denied'), {
      what: 'RESET_OWNER before SET_OWNER',
      start: 'connected',
      flawed: ({ calls }) => calls.resetOwner(),
      control: ({ calls }) => {
        calls.setOwner();
        return calls.resetOwner();
      },
      controlName: 'RESET_OWNER behind SET_OWNER',
      errors: ['EPERM'],
    });
  },
});

export const forgotten = defineCase({
  id: 'vhost-net/owner/reset-owner-forgets-rings',
  title: 'RESET_OWNER stops an active ring, and its base reads 0 for the next owner',
  proves: { 'vk-owner/reset-owner-forgets-rings': 'vhost-net-reset-leaves-rings' },
  applies: { start: 'negotiated', transports },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vk-owner/reset-owner-forgets-rings');
    const { calls } = session;
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue);
    const before = calls.base(queue.index);
    check.presumes(typeof before !== 'number' && before.num !== 0, 'the ring has moved');
    check.presumes(calls.resetOwner() >= 0, 'RESET_OWNER is taken');
    check.presumes(calls.setOwner() >= 0, 'SET_OWNER is taken');
    const after = calls.base(queue.index);
    if (typeof after === 'number') check.equal(errorName(after), 'a base', 'what GET_VRING_BASE answers');
    else check.equal(after.num, 0, 'the base behind RESET_OWNER');
    takes(check, calls.setSize(queue.index, 16), 'SET_VRING_NUM, which an active ring refuses');
  },
});
