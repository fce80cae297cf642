import type { VhostVdpaSession } from '../../drivers/port/port.ts';
import { vdpaRequests } from '../../reference-impl/wire/vdpa-structures.ts';
import { defineCase } from '../case.ts';
import { eachRegion, mapping } from '../vhost-kernel/iotlb-messages.ts';
import { refusesCall } from '../vhost-kernel/refusal.ts';

/** Mappings without an owner, and calls that vhost-vdpa does not have. */

const transports = ['vhost-vdpa'] as const;

export const mappingsWait = defineCase({
  id: 'vhost-vdpa/owner/mappings-wait-for-an-owner',
  title: 'a mapping is refused before SET_OWNER, and taken behind it',
  proves: { 'vk-owner/calls-before-set-owner-denied': 'vdpa-needs-no-owner' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const { guest, requirement } = context;
    const maps = (session: VhostVdpaSession): number => eachRegion(session, guest, (region) => mapping(region));
    refusesCall(context, requirement('vk-owner/calls-before-set-owner-denied'), {
      what: 'a mapping before SET_OWNER',
      start: 'connected',
      flawed: maps,
      control: (session) => {
        session.calls.setOwner();
        return maps(session);
      },
      controlName: 'the same behind SET_OWNER',
      // The handler fails with EPERM, and the write with EFAULT whatever that failed with.
      errors: ['EPERM', 'EFAULT'],
    });
  },
});

export const logCalls = defineCase({
  id: 'vhost-vdpa/calls/log-calls-are-refused',
  title: 'SET_LOG_BASE and SET_LOG_FD fail with ENOTTY: vhost-vdpa has no log',
  proves: { 'vk-log/vdpa-log-calls-refused': 'vdpa-log-calls-are-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-log/vdpa-log-calls-refused');
    const points = (['VHOST_SET_LOG_BASE', 'VHOST_SET_LOG_FD'] as const).map((key) => ({ key }));
    context.points(points, ({ key }) =>
      refusesCall(context, check, {
        what: key,
        start: 'prepared',
        flawed: ({ calls }) => calls.file.ioctl(vdpaRequests[key], new Uint8Array(8)),
        control: ({ calls }) => calls.file.ioctl(vdpaRequests.VHOST_GET_FEATURES, new Uint8Array(8)),
        controlName: 'VHOST_GET_FEATURES with the same argument',
        errors: ['ENOTTY'],
      }),
    );
  },
});
