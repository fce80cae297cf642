import type { VhostMdevSession } from '../../drivers/port/port.ts';
import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  vfioDeviceInfo,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from '../../reference-impl/wire/vfio-structures.ts';
import { defineCase } from '../case.ts';
import { refusesCall } from './refusal.ts';
import { type Answer, answerOf } from './ring-messages.ts';
import { descriptorData, triggerByEvents } from './vectors.ts';

/** Calls whose argument ends in memory that is not there. */

const whole = <V extends { readonly argsz: number }>(codec: Codec<V>, value: Omit<V, 'argsz'>): Uint8Array =>
  encodeStructure(codec, { ...value, argsz: codec.size } as V);

/** The arguments of sound calls, with data behind those of SET_IRQS. */
const argumentsOf = ({ places }: VhostMdevSession) => {
  const set = { argsz: vfioIrqSet.size + 4, flags: triggerByEvents, index: places.interrupts, start: 0, count: 1 };
  return {
    VFIO_DEVICE_GET_INFO: whole(vfioDeviceInfo, { flags: 0, numRegions: 0, numIrqs: 0 }),
    VFIO_DEVICE_GET_REGION_INFO: whole(vfioRegionInfo, { flags: 0, index: 0, capOffset: 0, size: 0n, offset: 0n }),
    VFIO_DEVICE_GET_IRQ_INFO: whole(vfioIrqInfo, { flags: 0, index: places.interrupts, count: 0 }),
    VFIO_DEVICE_SET_IRQS: Uint8Array.of(...encodeStructure(vfioIrqSet, set), ...descriptorData(-1)),
  };
};

type Request = keyof ReturnType<typeof argumentsOf>;
const requests: readonly Request[] = [
  'VFIO_DEVICE_GET_INFO',
  'VFIO_DEVICE_GET_REGION_INFO',
  'VFIO_DEVICE_GET_IRQ_INFO',
  'VFIO_DEVICE_SET_IRQS',
];

/** The call with all but so many bytes of its argument. */
function call(session: VhostMdevSession, request: Request, missing: number): Answer {
  const argument = argumentsOf(session)[request];
  const part = argument.slice(0, Math.max(0, argument.length - missing));
  return answerOf(session.vfio.file.ioctl(vfioRequests[request], part));
}

export const ofDevice = defineCase({
  id: 'vhost-mdev/pointers/bad-pointers-are-refused',
  title: 'a call whose argument ends in memory that is not there fails with EFAULT',
  proves: { 'vm-identity/bad-pointers-refused': 'mdev-bad-pointers-are-taken' },
  applies: { start: 'closed', transports: ['vhost-mdev'], ring: 'none' },
  run(context) {
    const check = context.requirement('vm-identity/bad-pointers-refused');
    for (const request of requests) {
      for (const [left, missing] of [
        ['none', 64],
        ['all but a byte', 1],
      ] as const) {
        refusesCall(context, check, {
          what: `${request} with ${left} of its argument`,
          open: () => context.connect('connected'),
          flawed: (session) => call(session, request, missing),
          control: (session) => call(session, request, 0),
          controlName: `${request} with all of it`,
          errors: ['EFAULT'],
        });
      }
    }
  },
});
