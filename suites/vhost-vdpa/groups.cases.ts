import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, Queue, VhostVdpaSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { errno } from '../../reference-impl/wire/errno.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { eachRegion, mapping } from '../vhost-kernel/iotlb-messages.ts';
import { refusesCall, takes } from '../vhost-kernel/refusal.ts';
import { serves } from '../virtio/service.ts';

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

const usesOwnSpace = 'vk-groups/rings-use-the-space-of-their-group';

export const ownSpace = defineCase({
  id: 'vhost-vdpa/groups/rings-use-the-space-of-their-group',
  title:
    'a ring whose group was given address space 1 is served where it is mapped there, and rests while that is empty',
  proves: { 'vk-groups/rings-use-the-space-of-their-group': 'vdpa-groups-share-one-address-space' },
  applies: { start: 'negotiated', transports, offers, needs: ['address-spaces'] },
  run(context) {
    followsItsGroup(context, context.requirement(usesOwnSpace), context.driver.queueIndex);
  },
});

/** Of several request queues, the last one may be in another group. */
export const ownSpaceOfLast = defineCase({
  id: 'vhost-vdpa/groups/last-block-queue-uses-the-space-of-its-group',
  title:
    'with MQ the last request queue of a block device is served where the address space of its group is mapped, and rests while that is empty',
  proves: { 'vk-groups/rings-use-the-space-of-their-group': 'vdpa-groups-share-one-address-space' },
  applies: {
    start: 'negotiated',
    transports,
    offers,
    needs: ['address-spaces'],
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_MQ'],
  },
  run(context) {
    const { session, driver } = context;
    const last = driver.requestQueues(session.calls.queueCount()).at(-1) ?? driver.queueIndex;
    followsItsGroup(context, context.requirement(usesOwnSpace), last);
  },
});

type Running = Pick<
  CaseContext<string, VariantAxes, VhostVdpaSession>,
  'session' | 'port' | 'guest' | 'connect' | 'driverOf' | 'ring'
>;

/** What reaches for memory that is not there may end a device for this session: the other one is served before. */
function followsItsGroup(context: Running, check: Check, index: number): void {
  const { session, port, guest, connect, ring } = context;
  const mapped = givenSpace(context, session, check, index);
  if (mapped === undefined) return;
  check.presumes(eachRegion(session, guest, (one) => mapping(one, { asid: 1 })) >= 0, 'space 1 is mapped');
  const inSpace = mapped.attach(ring({ size: 16 }), { index });
  if (!serves({ port, driver: mapped }, check, inSpace, 'a request once space 1 is mapped')) return;
  session.close();
  const next = connect('negotiated');
  const driver = givenSpace(context, next, check, index);
  if (driver === undefined) return;
  const queue = driver.attach(ring({ size: 16 }), { index });
  check.equal(usedBy(queue, driver.request().segments, port, next), 0, 'used elements while space 1 is empty');
}

/** The driver of a session in which the groups of a ring, and of those that serve it, have address space 1, which is empty. */
function givenSpace(
  { guest, driverOf }: Pick<Running, 'guest' | 'driverOf'>,
  session: VhostVdpaSession,
  check: Check,
  index: number,
): DeviceDriver | undefined {
  const { calls } = session;
  const driver = driverOf(session);
  for (const group of groupsOf(session, [index, ...driver.companionIndices])) {
    if (!takes(check, calls.setGroupSpace(group, 1), `SET_GROUP_ASID of group ${group}`)) return undefined;
  }
  // Mapped and invalidated: it is there, and has nothing in it.
  const [region] = guest.regions;
  check.presumes(region !== undefined && calls.iotlb(mapping(region, { asid: 1 })) >= 0, 'space 1 is mapped');
  check.presumes(
    region !== undefined && calls.iotlb({ ...mapping(region, { asid: 1 }), request: 3 }) >= 0,
    'space 1 is emptied',
  );
  return driver;
}

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
