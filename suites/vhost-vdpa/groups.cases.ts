import type { DriverPort, Queue, VhostVdpaSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { errno } from '../../reference-impl/wire/errno.ts';
import { defineCase } from '../case.ts';
import { serves } from '../virtio/service.ts';
import { eachRegion, mapping } from './messages.ts';
import { refusesCall, takes } from './refusal.ts';

/** Groups of rings and their address spaces. */

const transports = ['vhost-vdpa'] as const;
const offers = ['VHOST_BACKEND_F_IOTLB_ASID'] as const;

export const groupsOfRings = defineCase({
  id: 'vhost-vdpa/groups/groups-are-below-the-count',
  title: 'the group of each ring is below the count of groups',
  proves: { 'vk-groups/group-and-address-space-numbers-bounded': 'vdpa-tells-groups-from-one-on' },
  applies: { start: 'prepared', transports, ring: 'none', offers },
  run({ session: { calls }, requirement }) {
    const check = requirement('vk-groups/group-and-address-space-numbers-bounded');
    const groups = calls.groupCount();
    if (!check.atLeast(groups, 1, 'groups')) return;
    for (let index = 0; index < calls.queueCount(); index++) {
      const group = calls.groupOf(index);
      // A parent driver that knows no groups does not tell any: then there is one.
      if (groups === 1 && group === -errno.EOPNOTSUPP) continue;
      check.holds(group >= 0 && group < groups, `the group of ring ${index}`, {
        expected: `below ${groups}`,
        actual: String(group),
      });
    }
  },
});

export const spacesOfGroups = defineCase({
  id: 'vhost-vdpa/groups/address-spaces-beyond-the-count-are-refused',
  title: 'a group is given each address space below the count, and none beyond: EINVAL',
  proves: { 'vk-groups/group-and-address-space-numbers-bounded': 'vdpa-groups-take-any-address-space' },
  applies: { start: 'closed', transports, ring: 'none', offers },
  run(context) {
    const check = context.requirement('vk-groups/group-and-address-space-numbers-bounded');
    const beyond = (session: VhostVdpaSession, key: string): number =>
      key === 'the count' ? session.calls.spaceCount() : 0xffff_ffff;
    context.points([{ key: 'the count' }, { key: '0xffffffff' }], ({ key }) =>
      refusesCall(context, check, {
        what: `SET_GROUP_ASID with ${key}`,
        start: 'prepared',
        flawed: (session) => session.calls.setGroupSpace(0, beyond(session, key)),
        control: ({ calls }) => calls.setGroupSpace(0, calls.spaceCount() - 1),
        controlName: 'SET_GROUP_ASID with the last address space',
        errors: ['EINVAL'],
      }),
    );
  },
});

export const ownSpace = defineCase({
  id: 'vhost-vdpa/groups/rings-use-the-space-of-their-group',
  title:
    'a ring whose group was given address space 1 rests while that is empty, and is served once it is mapped there',
  proves: { 'vk-groups/rings-use-the-space-of-their-group': 'vdpa-groups-share-one-address-space' },
  applies: { start: 'negotiated', transports, offers, needs: ['address-spaces'] },
  // Of the rings that requests may be put on: they may be in different groups.
  variants: { request: ['first-ring', 'last-ring'] },
  run({ session, port, guest, driver, ring, variant, requirement }) {
    const check = requirement('vk-groups/rings-use-the-space-of-their-group');
    const { calls } = session;
    const rings = driver.requestQueues(calls.queueCount());
    const index = rings.at(variant.request === 'first-ring' ? 0 : -1) ?? driver.queueIndex;
    for (const group of groupsOf(session, [index, ...driver.companionIndices])) {
      if (!takes(check, calls.setGroupSpace(group, 1), `SET_GROUP_ASID of group ${group}`)) return;
    }
    // Mapped and invalidated: it is there, and has nothing in it.
    const [region] = guest.regions;
    check.presumes(region !== undefined && calls.iotlb(mapping(region, { asid: 1 })) >= 0, 'space 1 is mapped');
    check.presumes(
      region !== undefined && calls.iotlb({ ...mapping(region, { asid: 1 }), request: 3 }) >= 0,
      'space 1 is emptied',
    );
    const queue = driver.attach(ring({ size: 16 }), { index });
    check.equal(usedBy(queue, driver.request().segments, port, session), 0, 'used elements while space 1 is empty');
    check.presumes(eachRegion(session, guest, (one) => mapping(one, { asid: 1 })) >= 0, 'space 1 is mapped');
    queue.kick();
    port.until(() => queue.usedCount() > 0, port.deadlineMs);
    check.equal(queue.usedCount(), 1, 'used elements once space 1 is mapped');
    const fresh = driver.attach(ring({ size: 16 }), { index });
    serves({ port, driver }, check, fresh, 'a request on a fresh ring', { seed: 3 });
  },
});

const groupsOf = ({ calls }: VhostVdpaSession, indices: readonly number[]): Set<number> =>
  new Set(indices.map((index) => calls.groupOf(index)));

function usedBy(
  queue: Queue,
  segments: Parameters<Queue['makeAvailable']>[0][number],
  port: DriverPort,
  session: VhostVdpaSession,
): number {
  queue.makeAvailable([segments]);
  queue.kick();
  port.until(() => queue.usedCount() > 0, seenWithinMs(port));
  session.fence();
  return queue.usedCount();
}
