import { MAC_SIZE, netConfig, VIRTIO_NET_OK } from '../../../reference-impl/devices/net-layout.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import { configFrom } from '../device-parts.ts';
import {
  type ControlCommand,
  commandQueue,
  controlFeatures,
  controlQueueIndex,
  setAddress,
  setPairs,
} from './control-queue.ts';

/** Commands of the control queue (virtio 5.1.6.5). */

const shownAddress = 'net/config-mac-updated-before-used';
const negotiate = [...controlFeatures, 'VIRTIO_NET_F_MAC'] as const;
const applies = {
  start: 'negotiated',
  // Over vhost-user the front-end serves the control queue.
  transports: ['vhost-vdpa', 'virtio-pci'],
  devices: ['net'],
  needs: ['device.config'],
} as const;

type Context = CaseContext<typeof shownAddress, VariantAxes>;

const shown = ({ session, requirement }: Context): Uint8Array =>
  configFrom(session, requirement(shownAddress), netConfig.mac + MAC_SIZE).slice(netConfig.mac);

/** Has commands carried out by the control queue of this index, beside a queue with frames. */
function controlled(context: Context, index: number) {
  const { driver, ring, requirement } = context;
  driver.attach(ring({ size: 16 }));
  const carryOut = commandQueue(context, index);
  return (command: ControlCommand, what: string): void => {
    const isDone = carryOut(command) === VIRTIO_NET_OK;
    requirement(shownAddress).presumes(isDone, `${what} is acknowledged with VIRTIO_NET_OK`);
  };
}

/** Sets another address, looks at it, and behind `then` once more; sets that of before at last. */
function showsAnother(
  context: Context,
  index: number,
  then: (carriesOut: ReturnType<typeof controlled>) => string,
): void {
  const { session, guest, requirement } = context;
  const check = requirement(shownAddress);
  const before = shown(context);
  const carriesOut = controlled(context, index);
  const set = (mac: Uint8Array, what: string): void => {
    carriesOut(setAddress(guest, mac), what);
    check.bytesEqual(shown(context), mac, `mac behind ${what}`);
  };
  try {
    const another = before.with(MAC_SIZE - 1, (before[MAC_SIZE - 1] ?? 0) ^ 1);
    set(another, 'another address');
    const what = then(carriesOut);
    check.bytesEqual(shown(context), another, `mac behind ${what}`);
  } finally {
    // Some devices keep it over a reset.
    if (session.isOpen) set(before, 'the address of before');
  }
}

export const addressIsShown = defineCase({
  id: 'virtio/net/address-of-a-command-shows-in-configuration',
  title: 'once the command that sets the address is used, configuration shows that address',
  proves: { [shownAddress]: 'net-command-address-is-not-shown' },
  applies: { ...applies, negotiate },
  run(context) {
    showsAnother(context, controlQueueIndex, () => 'another look');
  },
});

export const pairsLeaveIt = defineCase({
  id: 'virtio/net/address-outlives-a-command-for-pairs',
  title: 'configuration shows the address of a command behind a command that asks for a pair of queues, too',
  proves: { [shownAddress]: 'net-every-command-sets-address' },
  applies: { ...applies, negotiate: [...negotiate, 'VIRTIO_NET_F_MQ'] },
  run(context) {
    const { session, guest, requirement } = context;
    const config = configFrom(session, requirement(shownAddress), netConfig.maxVirtqueuePairs + 2);
    const most = (config[netConfig.maxVirtqueuePairs] ?? 0) | ((config[netConfig.maxVirtqueuePairs + 1] ?? 0) << 8);
    showsAnother(context, 2 * most, (carriesOut) => {
      carriesOut(setPairs(guest, 1), 'the command for one pair');
      return 'the command for one pair';
    });
  },
});
