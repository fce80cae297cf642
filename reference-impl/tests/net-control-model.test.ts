import t from 'tap';
import { featureSet } from '../catalogue/catalogue.ts';
import { Model } from '../oracle/model/model.ts';
import { splitPosition } from '../virtqueue/ring.ts';

const csum = 1n;
const ctrlRx = 1n << 18n;
const ctrlVlan = 1n << 19n;
const ctrlRxExtra = 1n << 20n;
const ctrlMac = 1n << 23n;
const coalescing = (1n << 52n) | (1n << 53n);
const hashReport = 1n << 57n;
/** MAC, CTRL_VQ, VERSION_1, ACCESS_PLATFORM. */
const always = (1n << 5n) | (1n << 17n) | (1n << 32n) | (1n << 33n);

const receive = 0;
const transmit = 1;
const control = 2;
const headerSize = 12;
const own = [2, 0, 0, 0, 0, 1];
const other = [2, 0, 0, 0, 0, 2];
const group = [0x33, 0x33, 0, 0, 0, 1];
const everyone = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const promiscuous = 0;
const allMulticast = 1;
const allUnicast = 2;
const noMulticast = 3;
const noUnicast = 4;
const noBroadcast = 5;

let frames = 0;

/** Each frame is another one. */
const frameTo = (to: readonly number[], vlan?: number): number[] => {
  const tag = vlan === undefined ? [] : [0x81, 0, vlan >> 8, vlan & 0xff];
  return [...to, ...own, ...tag, 0x88, 0xb5, ...new Array<number>(46).fill(frames++ & 0xff)];
};

/** A network device over vhost-vdpa whose frames come back, with its rings set up and its address read. */
function begun(features: bigint) {
  const device = features | always;
  const model = new Model({
    transport: 'vhost-vdpa',
    device: 'net',
    offer: featureSet({ device }),
    reflects: 'unchanged',
    tellsUsedPosition: true,
    judgesChoices: true,
  });
  let session = 0;
  let id = 0;
  const queues: number[] = [];
  const begin = (): void => {
    session++;
    model.observe({ kind: 'connected', session });
    model.observe({ kind: 'negotiated', session, accepted: featureSet({ device }) });
    for (const index of [receive, transmit, control]) {
      const queue = 10 * session + index;
      queues[index] = queue;
      const ring = { id: queue, layout: 'split', size: 64, position: splitPosition(0), usedEvent: 0 } as const;
      model.observe({ kind: 'attached', session, queue, index, ring: { ...ring, isEmpty: true, isFresh: true } });
    }
    model.observe({ kind: 'configuration', session, offset: 0, length: 6, bytes: Uint8Array.from(own) });
  };
  begin();
  const add = (index: number, readable: readonly number[], room: number): number => {
    const queue = queues[index] as number;
    model.observe({ kind: 'added', queue, id: ++id, slots: 1, readable: Uint8Array.from(readable), room });
    model.observe({ kind: 'published', queue });
    model.observe({ kind: 'kicked', queue });
    return id;
  };
  const use = (index: number, chain: number, written: readonly number[]): void =>
    model.observe({
      kind: 'used',
      queue: queues[index] as number,
      id: chain,
      len: written.length,
      written: Uint8Array.from(written),
    });
  const command = (bytes: readonly number[], ...answer: readonly number[]): void => {
    const written = answer.length === 0 ? [0] : answer;
    use(control, add(control, bytes, written.length), written);
  };
  let lent = add(receive, [], 2048);
  const receives = (frame: readonly number[]): void => {
    use(receive, lent, [...new Array<number>(headerSize - 2).fill(0), 1, 0, ...frame]);
    lent = add(receive, [], 2048);
  };
  const send = (frame: readonly number[], header: readonly number[] = []): number =>
    add(transmit, [...header, ...new Array<number>(headerSize - header.length).fill(0), ...frame], 0);
  const pass = (frame: readonly number[], comes: boolean): void => {
    use(transmit, send(frame), []);
    if (comes) receives(frame);
  };
  const again = (): void => {
    model.observe({ kind: 'ended', session });
    begin();
    lent = add(receive, [], 2048);
  };
  const owed = (index: number, used: number): number => model.callsOwed(queues[index] as number, used);
  const looked = (index: number, used: number, calls: number): void =>
    model.observe({ kind: 'calls', queue: queues[index] as number, before: calls, used, calls });
  const found = (): string[] => model.findings.map(({ requirement }) => requirement);
  return { model, add, command, pass, send, use, receives, again, found, owed, looked };
}

const modes = (...on: readonly number[]): number[][] =>
  [0, 1, 2, 3, 4, 5].map((mode) => [0, mode, on.includes(mode) ? 1 : 0]);
const all = ctrlRx | ctrlRxExtra;

for (const { name, on, to, comes, requirement } of [
  { name: 'another station', on: [], to: other, comes: false, requirement: 'net/other-mac-addresses-dropped' },
  { name: 'a group', on: [], to: group, comes: false, requirement: 'net/other-mac-addresses-dropped' },
  { name: 'the device', on: [noUnicast], to: own, comes: false, requirement: 'net/no-unicast-stops-unicast' },
  { name: 'a group', on: [noMulticast], to: group, comes: false, requirement: 'net/no-multicast-stops-multicast' },
  { name: 'everyone', on: [noBroadcast], to: everyone, comes: false, requirement: 'net/no-broadcast-stops-broadcast' },
  {
    name: 'another station',
    on: [allUnicast, noUnicast],
    to: other,
    comes: false,
    requirement: 'net/no-unicast-overrides-all-unicast',
  },
  {
    name: 'everyone',
    on: [allMulticast, noBroadcast],
    to: everyone,
    comes: false,
    requirement: 'net/no-broadcast-overrides-all-multicast',
  },
]) {
  t.test(`a frame to ${name} with ${on.length} modes on is kept back: ${requirement}`, (t) => {
    const right = begun(all);
    for (const bytes of modes(...on)) right.command(bytes);
    right.pass(frameTo(to), comes);
    t.strictSame(right.found(), []);
    const wrong = begun(all);
    for (const bytes of modes(...on)) wrong.command(bytes);
    wrong.pass(frameTo(to), !comes);
    t.strictSame(wrong.found(), [requirement]);
    t.end();
  });
}

t.test('nothing is claimed of a frame that a mode decides of which nothing was told', (t) => {
  const { command, pass, found } = begun(all);
  for (const comes of [true, false]) pass(frameTo(other), comes);
  command([0, promiscuous, 0]);
  for (const comes of [true, false]) pass(frameTo(other), comes);
  t.strictSame(found(), []);
  t.end();
});

t.test('in promiscuous mode any frame may come, and without the extra commands a group is kept back', (t) => {
  const { command, pass, found } = begun(ctrlRx);
  command([0, promiscuous, 1]);
  pass(frameTo(group), true);
  pass(frameTo(other), true);
  command([0, promiscuous, 0]);
  pass(frameTo(other), false);
  t.strictSame(found(), []);
  pass(frameTo(other), true);
  t.strictSame(found(), ['net/other-mac-addresses-dropped']);
  t.end();
});

t.test('a table replaces the one before, and a session begins with none', (t) => {
  const tableOf = (...macs: readonly (readonly number[])[]): number[] => [
    ...[1, 0],
    ...[macs.length, 0, 0, 0, ...macs.flat()],
    ...[0, 0, 0, 0],
  ];
  const { command, pass, again, found } = begun(ctrlRx);
  command([0, promiscuous, 0]);
  command(tableOf(other));
  pass(frameTo(other), true);
  command(tableOf());
  pass(frameTo(other), false);
  command(tableOf(other));
  again();
  command([0, promiscuous, 0]);
  pass(frameTo(other), false);
  t.strictSame(found(), []);
  pass(frameTo(other), true);
  t.strictSame(found(), ['net/other-mac-addresses-dropped']);
  t.end();
});

t.test('frames of a VLAN are kept back once it was removed, and one of which nothing was told is open', (t) => {
  const { command, pass, found } = begun(ctrlRx | ctrlVlan);
  command([0, promiscuous, 0]);
  for (const comes of [true, false]) pass(frameTo(own, 7), comes);
  command([2, 0, 7, 0]);
  pass(frameTo(own, 7), true);
  command([2, 1, 7, 0]);
  pass(frameTo(own, 7), false);
  t.strictSame(found(), []);
  pass(frameTo(own, 7), true);
  t.strictSame(found(), ['net/other-vlan-packets-dropped']);
  t.end();
});

t.test('a command that the device has is carried out', (t) => {
  const refused = [
    [ctrlRx, [0, allMulticast, 1], 'net/ctrl-rx-has-its-commands'],
    [all, [0, noBroadcast, 1], 'net/ctrl-rx-extra-has-its-commands'],
    [
      hashReport,
      [4, 2, ...new Array<number>(12).fill(0), 40, ...new Array<number>(40).fill(1)],
      'net/hash-report-alone-has-hash-config',
    ],
  ] as const;
  for (const [features, bytes, requirement] of refused) {
    const { command, found } = begun(features);
    command(bytes);
    t.strictSame(found(), []);
    command(bytes, 1);
    t.strictSame(found(), [requirement]);
  }
  const { command, found } = begun(0n);
  command([0, allMulticast, 1], 1);
  t.strictSame(found(), [], 'one without its feature may fail');
  t.end();
});

t.test('configuration shows the address that a command set', (t) => {
  const { model, command, found } = begun(ctrlMac);
  const read = (bytes: readonly number[]): void =>
    model.observe({ kind: 'configuration', session: 1, offset: 0, length: 6, bytes: Uint8Array.from(bytes) });
  command([1, 1, ...other]);
  read(other);
  t.strictSame(found(), []);
  read(own);
  t.strictSame(found(), ['net/config-mac-updated-before-used']);
  t.end();
});

t.test('while a command for the address is under way, configuration shows either', (t) => {
  const { model, add, use, found } = begun(ctrlMac);
  const read = (bytes: readonly number[]): void =>
    model.observe({ kind: 'configuration', session: 1, offset: 0, length: 6, bytes: Uint8Array.from(bytes) });
  const chain = add(control, [1, 1, ...other], 1);
  read(own);
  read(other);
  t.strictSame(found(), []);
  use(control, chain, [0]);
  read(own);
  t.strictSame(found(), ['net/config-mac-updated-before-used']);
  t.end();
});

t.test('parameters that were taken are told again, and a queue that is none for packets has none', (t) => {
  const parameters = [8, 0, 0, 0, 50, 0, 0, 0];
  const none = new Array<number>(8).fill(0);
  const { command, again, found } = begun(coalescing);
  const set = (queue: number, reserved: number, answer: number): void =>
    command([6, 2, queue, 0, reserved, 0, ...parameters], answer);
  const get = (queue: number, ...told: readonly number[]): void => command([6, 3, queue, 0, 0, 0], 0, ...told);
  get(1, ...none);
  set(1, 0, 0);
  get(1, ...parameters);
  set(0, 0, 1);
  get(0, ...none);
  command([6, 1, ...parameters]);
  get(0, ...parameters);
  again();
  get(0, ...none);
  set(2, 0, 1);
  t.strictSame(found(), []);
  set(2, 0, 0);
  get(0, ...parameters);
  set(0, 0, 0);
  set(0, 9, 1);
  t.strictSame(found(), [
    'net/coalescing-wrong-queue-yields-err',
    'net/reset-clears-coalescing',
    'net/coalescing-reserved-field-ignored',
  ]);
  t.end();
});

t.test('calls of queues for packets are owed until a command sets parameters, and behind a reset again', (t) => {
  const parameters = [8, 0, 0, 0, 50, 0, 0, 0];
  for (const [features, bytes, isSaved] of [
    [coalescing, [6, 0, ...parameters], true],
    [coalescing, [6, 2, 1, 0, 0, 0, ...parameters], true],
    [coalescing, [6, 3, 1, 0, 0, 0], false],
    [ctrlRx, [0, promiscuous, 1], false],
    [ctrlRx, [9, 9], false],
  ] as const) {
    const { command, looked, send, use, again, found, owed } = begun(features);
    const one = (): void => use(transmit, send(frameTo(other)), []);
    command(bytes, ...(bytes[1] === 3 ? [0, ...new Array<number>(8).fill(0)] : []));
    one();
    t.equal(owed(transmit, 1), isSaved ? 0 : 1, `behind command ${bytes.slice(0, 2)}`);
    looked(transmit, 1, 0);
    const missing = isSaved ? [] : ['notify/used-buffers-notified-with-flag-clear'];
    t.strictSame(found(), missing, 'no call came');
    t.equal(owed(control, 1), 1, 'commands are called for');
    again();
    one();
    t.equal(owed(transmit, 1), 1, 'and so are packets, behind a reset');
  }
  t.end();
});

t.test('a checksum that is left to the device is completed, and its offsets count beside NEEDS_CSUM alone', (t) => {
  const [start, offset] = [34, 6];
  const datagram = [...frameTo(other).slice(0, 12), 8, 0, ...new Array<number>(20).fill(0), 0, 1, 0, 2, 0, 8, 0, 0];
  datagram[23] = 17;
  const completed = datagram.slice();
  // ~(1 + 2 + 8)
  completed.splice(start + offset, 2, 0xff, 0xf4);
  const sent = (asks: number, back: readonly number[]): string[] => {
    const { send, use, receives, found } = begun(csum);
    use(transmit, send(datagram, [asks, 0, 0, 0, 0, 0, start, 0, offset, 0]), []);
    receives(back);
    return found();
  };
  t.strictSame(sent(1, completed), []);
  t.strictSame(sent(1, datagram), ['net/frames-arrive-intact']);
  t.strictSame(sent(0, datagram), []);
  t.strictSame(sent(0, completed), ['net/frames-arrive-intact']);
  t.end();
});
