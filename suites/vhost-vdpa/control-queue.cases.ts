import type { Guest, GuestRing, Queue, VhostVdpaSession } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { MAC_SIZE, netConfig, VIRTIO_NET_OK } from '../../reference-impl/devices/net-layout.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { eachRegion, mapping, unmapping } from '../vhost-kernel/iotlb-messages.ts';
import { takes } from '../vhost-kernel/refusal.ts';
import { controlFeatures, controlQueueIndex, setAddress } from '../virtio/net/control-queue.ts';
import { serves } from '../virtio/service.ts';

/** A control queue in a group and an address space of its own, as a front-end has it that keeps the guest from it. */

const controlSpace = 1;
const requirementOfAll = 'vk-groups/rings-use-the-space-of-their-group';
const applies = {
  start: 'negotiated',
  transports: ['vhost-vdpa'],
  devices: ['net'],
  offers: ['VHOST_BACKEND_F_IOTLB_ASID'],
  needs: ['address-spaces'],
  negotiate: [...controlFeatures, 'VIRTIO_NET_F_MAC'],
} as const;

type Context = Pick<CaseContext<string, VariantAxes, VhostVdpaSession>, 'session' | 'driver' | 'ring'>;

/** Gives the group of the control queue space 1, unless rings for data are in that group; whether it was taken. */
function separates({ session: { calls }, driver }: Context, check: Check): boolean {
  const group = calls.groupOf(controlQueueIndex);
  const ofData = [driver.queueIndex, ...driver.companionIndices].map((index) => calls.groupOf(index));
  check.presumes(group >= 0 && !ofData.includes(group), 'the control queue is in a group of its own');
  return takes(check, calls.setGroupSpace(group, controlSpace), `SET_GROUP_ASID of group ${group}`);
}

/** The rings for data, and the control queue in a guest's memory. */
function attached(
  { session, driver, ring }: Context,
  control: Guest,
): { readonly data: Queue; readonly control: Queue } {
  const data = driver.attach(ring({ size: 16 }));
  const controlRing: GuestRing = control.ring({ layout: driver.layout, size: 16 });
  return { data, control: session.attach(controlRing, { index: controlQueueIndex }) };
}

/** The address that the device has: a command that sets it again changes nothing. */
function ownAddress({ calls }: VhostVdpaSession): Uint8Array {
  const read = calls.readConfig(netConfig.mac, MAC_SIZE);
  return typeof read === 'number' ? new Uint8Array(MAC_SIZE) : read;
}

export const servedApart = defineCase({
  id: 'vhost-vdpa/groups/control-queue-is-served-in-its-own-space',
  title: 'a control queue whose memory is in address space 1 alone is served, and rings in space 0 beside it',
  proves: { [requirementOfAll]: 'vdpa-groups-share-one-address-space' },
  applies,
  run(context) {
    const { session, port, driver, requirement } = context;
    const check = requirement(requirementOfAll);
    if (!separates(context, check)) return;
    const more = port.createGuest(guestLayouts['single-region']);
    check.presumes(
      eachRegion(session, more, (region) => mapping(region, { asid: controlSpace })) >= 0,
      'space 1 is mapped',
    );
    const { data, control } = attached(context, more);
    const command = setAddress(more, ownAddress(session));
    control.makeAvailable([command.segments]);
    control.kick();
    port.until(() => control.usedCount() > 0, port.deadlineMs);
    check.equal(control.usedCount(), 1, 'used elements of the control queue');
    check.equal(command.acknowledgement(), VIRTIO_NET_OK, 'the acknowledgement of the command');
    serves({ port, driver }, check, data, 'a request on a ring in space 0');
  },
});

export const dataDoesNotServe = defineCase({
  id: 'vhost-vdpa/groups/mappings-for-data-do-not-serve-the-control-queue',
  title: 'a control queue in memory that space 0 alone has rests while rings there are served',
  proves: { [requirementOfAll]: 'vdpa-control-queue-uses-mappings-for-data' },
  applies,
  run(context) {
    const { session, port, guest, driver, requirement } = context;
    const check = requirement(requirementOfAll);
    if (!separates(context, check)) return;
    // Mapped and invalidated: it is there, and has nothing in it.
    const inControl = (region: Parameters<typeof mapping>[0]) => mapping(region, { asid: controlSpace });
    check.presumes(eachRegion(session, guest, inControl) >= 0, 'space 1 is mapped');
    check.presumes(eachRegion(session, guest, (one) => unmapping(one, controlSpace)) >= 0, 'space 1 is emptied');
    const { data, control } = attached(context, guest);
    const command = setAddress(guest, ownAddress(session));
    control.makeAvailable([command.segments]);
    control.kick();
    serves({ port, driver }, check, data, 'a request on a ring in space 0');
    port.until(() => control.usedCount() > 0, seenWithinMs(port));
    session.fence();
    check.equal(control.usedCount(), 0, 'used elements of the control queue while space 1 is empty');
  },
});
