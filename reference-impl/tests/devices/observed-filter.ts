import type { DeviceRules } from '../../devices/device-rules.ts';
import { NetDevice } from '../../devices/net-device.ts';
import {
  MAC_SIZE,
  netConfig,
  VIRTIO_NET_CTRL_ANNOUNCE,
  VIRTIO_NET_CTRL_ANNOUNCE_ACK,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MAC_TABLE_SET,
  VIRTIO_NET_CTRL_RX,
  VIRTIO_NET_CTRL_RX_ALLMULTI,
  VIRTIO_NET_CTRL_RX_ALLUNI,
  VIRTIO_NET_CTRL_RX_NOBCAST,
  VIRTIO_NET_CTRL_RX_NOMULTI,
  VIRTIO_NET_CTRL_RX_NOUNI,
  VIRTIO_NET_CTRL_RX_PROMISC,
  VIRTIO_NET_CTRL_VLAN,
  VIRTIO_NET_CTRL_VLAN_ADD,
  VIRTIO_NET_CTRL_VLAN_DEL,
  VIRTIO_NET_F_CTRL_RX,
} from '../../devices/net-layout.ts';
import { QUEUE_FEATURES } from '../../devices/queued-device.ts';
import { VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { type Note, smallGuest } from './observing.ts';
import { harness } from './queue-harness.ts';

/** Commands on the receive filter, and which frames are received behind each. */
export function observeFilter(rules: DeviceRules, note: Note): void {
  const device = new NetDevice({ hasControlQueue: true, transport: rules.transport, rules: rules.net });
  const features = device.supportedFeatures & ~QUEUE_FEATURES;
  const first = [[VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, ...stations.own]];
  for (const [acknowledged, commands] of [
    [features & ~VIRTIO_NET_F_CTRL_RX, first],
    [features, [...first, ...furtherCommands]],
    [features, first],
  ] as const) {
    device.reset();
    observeCommands(device, acknowledged | VIRTIO_F_VERSION_1, commands, note);
  }
}

const stations = {
  own: [2, 4, 6, 8, 10, 12],
  tagged: [2, 4, 6, 8, 10, 12, 1, 1, 1, 1, 1, 1, 0x81, 0, 0x21, 0x23],
  listed: [2, 4, 6, 8, 10, 14],
  other: [2, 4, 6, 8, 10, 16],
  group: [3, 4, 6, 8, 10, 12],
  all: [255, 255, 255, 255, 255, 255],
} as const;

const rx = (command: number, value: number): number[] => [VIRTIO_NET_CTRL_RX, command, value];

const furtherCommands: readonly (readonly number[])[] = [
  [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 1, 0, 0, 0, ...stations.listed, 0, 0, 0, 0],
  [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 1, 0, 0, 0, 2],
  [VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK],
  [VIRTIO_NET_CTRL_RX, 99, 1],
  [VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 0x23, 1],
  [VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 0x23],
  [VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 0x23, 1],
  ...[
    VIRTIO_NET_CTRL_RX_ALLMULTI,
    VIRTIO_NET_CTRL_RX_NOMULTI,
    VIRTIO_NET_CTRL_RX_ALLUNI,
    VIRTIO_NET_CTRL_RX_NOUNI,
    VIRTIO_NET_CTRL_RX_NOBCAST,
    VIRTIO_NET_CTRL_RX_PROMISC,
  ].map((mode) => rx(mode, 1)),
  rx(VIRTIO_NET_CTRL_RX_PROMISC, 2),
  rx(VIRTIO_NET_CTRL_RX_PROMISC, 0),
];

function observeCommands(
  device: NetDevice,
  features: bigint,
  commands: readonly (readonly number[])[],
  note: Note,
): void {
  const h = harness(device, { guest: smallGuest(), features, size: 8 });
  const { driver, run } = h.queue(2);
  const frames = h.queue(0);
  const buffer = h.guest.allocate({ size: 80 });
  let isLent = false;
  const received = (): string[] =>
    Object.entries(stations).flatMap(([name, mac]) => {
      if (!isLent) frames.driver.add([writable(buffer)]);
      device.deliver(Uint8Array.of(...mac, ...new Array<number>(30).fill(1)));
      frames.run();
      isLent = frames.driver.reapUsed().length === 0;
      return isLent ? [] : [name];
    });
  for (const status of [0, 1]) device.restoreConfig(netConfig.status, Uint8Array.of(status));
  for (const command of commands) {
    const written = h.guest.allocate({ size: command.length });
    written.store(Uint8Array.from(command));
    const answer = h.guest.allocate({ size: 1 });
    answer.store(Uint8Array.of(0xff));
    driver.add([readable(written), writable(answer)]);
    run();
    note(`command ${command.join(' ')}`, [driver.reapUsed(), ...answer.load()]);
    note('mac and status', [...(device.readConfig(netConfig.mac, MAC_SIZE + 1) ?? [])]);
    note('received', received());
  }
}
