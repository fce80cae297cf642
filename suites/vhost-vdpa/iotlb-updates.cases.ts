import type { VhostVdpaSession } from '../../drivers/port/port.ts';
import { featureMask } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { iotlbBytes, VHOST_IOTLB_MSG } from '../../reference-impl/wire/vdpa-structures.ts';
import { defineCase } from '../case.ts';
import { batchBegin, mapping } from '../vhost-kernel/iotlb-messages.ts';
import { refusesCall, takes } from '../vhost-kernel/refusal.ts';

/** Which address space a message of the IOTLB is for, which memory it may name, and where a batch ends. */

const transports = ['vhost-vdpa'] as const;

const asidFeature = featureMask('VHOST_BACKEND_F_IOTLB_ASID');

/** Becomes owner, and accepts the backend features that are offered, with or without that of address spaces. */
function prepare({ calls }: VhostVdpaSession, hasSpaces: boolean): void {
  const offered = calls.backendFeatures();
  calls.setOwner();
  calls.setBackendFeatures(typeof offered === 'number' ? 0n : hasSpaces ? offered : offered & ~asidFeature);
}

interface NumberThatSaysNothing {
  readonly key: string;
  /** Whether the feature of address spaces is accepted. */
  readonly hasSpaces: boolean;
  readonly type?: number;
}

const withoutNumbers: readonly NumberThatSaysNothing[] = [
  { key: 'the feature not accepted', hasSpaces: false },
  { key: 'VHOST_IOTLB_MSG', hasSpaces: false, type: VHOST_IOTLB_MSG },
  { key: 'VHOST_IOTLB_MSG, the feature accepted', hasSpaces: true, type: VHOST_IOTLB_MSG },
];

export const numberWithoutFeature = defineCase({
  id: 'vhost-vdpa/iotlb/number-of-a-space-counts-with-its-feature',
  title: 'messages of the first type, and all where IOTLB_ASID is not accepted, are for space 0 whatever their number',
  proves: { 'vk-iotlb/address-space-number-needs-its-feature': 'vdpa-reads-address-spaces-in-any-message' },
  applies: { start: 'closed', transports, ring: 'none', offers: ['VHOST_BACKEND_F_IOTLB_ASID'] },
  run({ port, points, connect, requirement }) {
    const check = requirement('vk-iotlb/address-space-number-needs-its-feature');
    const [region] = port.createGuest(guestLayouts['single-region']).regions;
    if (region === undefined) return;
    points(withoutNumbers, ({ key, hasSpaces, type }) => {
      // What was accepted before an open counts no more behind it.
      const before = connect('connected');
      prepare(before, true);
      before.close();
      const session = connect('connected');
      prepare(session, hasSpaces);
      const bytes = iotlbBytes(mapping(region, { asid: 0xffff_ffff }));
      const message = type === undefined ? bytes : bytes.with(0, type);
      if (!takes(check, session.calls.file.write(message), `a message with a number, ${key}`)) return;
      check.atMost(session.calls.iotlb(mapping(region)), -1, `what the same update of space 0 answers, ${key}`);
      session.close();
    });
  },
});

/**
 * User addresses above all memory of any process. A parent that takes user addresses looks for memory there or above: below
 * other memory it finds that, and may map nothing and say nothing.
 */
const nowhere: Readonly<Record<string, bigint>> = {
  'the last pages': 2n ** 64n - 8192n,
  'their end': 2n ** 64n - 4096n,
};

export const missingMemory = defineCase({
  id: 'vhost-vdpa/iotlb/updates-of-missing-memory-are-refused',
  title: 'an update with a user address above all memory is refused, and nothing is mapped',
  proves: { 'vk-iotlb/update-of-missing-memory-refused': 'vdpa-maps-missing-memory' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-iotlb/update-of-missing-memory-refused');
    const [region] = context.port.createGuest(guestLayouts['single-region']).regions;
    if (region === undefined) return;
    const points = Object.entries(nowhere).map(([key, userAddress]) => ({ key, userAddress }));
    context.points(points, ({ key, userAddress }) =>
      refusesCall(context, check, {
        what: `an update of memory at ${key}`,
        start: 'prepared',
        flawed: ({ calls }) => calls.iotlb(mapping(region, { userAddress, size: 4096n })),
        behind: ({ calls }) =>
          takes(check, calls.iotlb(mapping(region, { size: 4096n })), `the range with memory, behind ${key}`),
        control: ({ calls }) => calls.iotlb(mapping(region, { size: 4096n })),
        controlName: 'an update of memory that is there',
      }),
    );
  },
});

export const batchAtClose = defineCase({
  id: 'vhost-vdpa/close/batch-is-over',
  title: 'who opens a device behind a user that had begun a batch maps into any address space',
  proves: { 'vk-close/close-resets-and-unmaps': 'vdpa-batch-outlives-close' },
  applies: {
    start: 'prepared',
    transports,
    ring: 'none',
    offers: ['VHOST_BACKEND_F_IOTLB_ASID', 'VHOST_BACKEND_F_IOTLB_BATCH'],
    needs: ['address-spaces'],
  },
  run({ session, guest, connect, requirement }) {
    const check = requirement('vk-close/close-resets-and-unmaps');
    const [region] = guest.regions;
    if (region === undefined) return;
    check.presumes(session.calls.iotlb(batchBegin()) >= 0, 'a batch of space 0 begins');
    session.close();
    takes(check, connect('prepared').calls.iotlb(mapping(region, { asid: 1 })), 'an update of space 1');
  },
});
