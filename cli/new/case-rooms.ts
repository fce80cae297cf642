import type { Transport } from '../../reference-impl/catalogue/transport.ts';

/** A folder of `suites/` in which cases stand, and what a case of it begins with. */
export interface CaseRoom {
  /** The transports of its cases; absent where they are of every transport. */
  readonly transports?: readonly Transport[];
  /** Whether the group of an id is a folder of its own. */
  readonly hasFolders: boolean;
  /** A target of ours on which its cases pass. */
  readonly triedOn: string;
  /** Modules that the run needs, beside `defineCase`, from the room's own folder. */
  readonly imports: readonly string[];
  /** What the run takes of its context. */
  readonly takes: readonly string[];
  /** What the run looks at, by the door that the room's sessions have: statements, the last of which checks `check`. */
  readonly looks: readonly string[];
}

const fillIn = "'fill in: what the rule says of it'";

/** A room whose sessions are on a device file of the kernel. */
const ofDeviceFile = (transports: readonly Transport[], triedOn: string): CaseRoom => ({
  transports,
  hasFolders: false,
  triedOn,
  imports: [],
  takes: ['session', 'requirement'],
  looks: [`check.equal(session.calls.features(), 0n, ${fillIn});`],
});

/** The rooms, by the first part of an id. A test makes a case in each, and sees it fail until it is filled in. */
export const caseRooms: Readonly<Record<string, CaseRoom>> = {
  virtio: {
    hasFolders: true,
    triedOn: 'reference',
    imports: [],
    takes: ['driver', 'ring', 'requirement'],
    looks: [
      'const queue = driver.attach(ring({ size: 16 }));',
      'queue.makeAvailable([driver.request({ seed: 1 }).segments]);',
      'const used = queue.kickAndWaitForUsed(1);',
      `check.equal(used.length, 0, ${fillIn});`,
    ],
  },
  'vhost-user': {
    transports: ['vhost-user'],
    hasFolders: false,
    triedOn: 'reference',
    imports: ["import { wordOf } from './words.ts';"],
    takes: ['session', 'requirement'],
    looks: [
      "const offered = check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' }), 'the offer');",
      `check.equal(wordOf(offered), 0n, ${fillIn});`,
    ],
  },
  'vhost-mdev': {
    transports: ['vhost-mdev'],
    hasFolders: false,
    triedOn: 'vhost-mdev-l2',
    imports: ["import { sent } from './channel-door.ts';"],
    takes: ['session', 'requirement'],
    looks: [`check.equal(sent(session, 'VHOST_GET_FEATURES'), 'fill in', ${fillIn});`],
  },
  'vhost-kernel': ofDeviceFile(['vhost-vdpa', 'vhost-kernel'], 'reference-vdpa-blk'),
  'vhost-net': ofDeviceFile(['vhost-kernel'], 'reference-vhost-net'),
  'vhost-vdpa': ofDeviceFile(['vhost-vdpa'], 'reference-vdpa-blk'),
  'virtio-pci': {
    transports: ['virtio-pci'],
    hasFolders: false,
    triedOn: 'reference-pci',
    imports: [],
    takes: ['session', 'requirement'],
    looks: [`check.equal(session.pci.readConfigSpace(0, 2), 0, ${fillIn});`],
  },
};
