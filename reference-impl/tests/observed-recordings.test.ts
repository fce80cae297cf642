import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { FrontEndWatch } from '../oracle/observed/front-end/front-end-watch.ts';
import { Observations } from '../oracle/observed/observations.ts';
import { brokenIn } from './observed-conversation.ts';

const folder = new URL('../../../fixtures/wire-vectors/sessions/', import.meta.url);
const recordings = readdirSync(folder).filter((name) => name.startsWith('qemu-'));

interface Line {
  readonly sender: 'front-end' | 'back-end';
  readonly channel: 'front-end' | 'back-end';
  readonly descriptors: number;
  readonly hex: string;
}

interface Heading {
  readonly recorder: string;
  readonly offeredFeatures?: string;
}

const bytesOf = ({ hex }: Line): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** The word in the reply to a request, where a real back-end gave it. */
const repliedWord = (lines: readonly Line[], request: number): bigint | undefined => {
  const reply = lines
    .filter(({ sender, channel }) => sender === 'back-end' && channel === 'front-end')
    .map(bytesOf)
    .find((bytes) => bytes[0] === request);
  return reply === undefined ? undefined : new DataView(reply.buffer).getBigUint64(12, true);
};

function judgedRecording(name: string): Observations {
  const [first = '', ...others] = readFileSync(new URL(name, folder), 'utf8').trim().split('\n');
  const heading = JSON.parse(first) as Heading;
  const lines = others.map((line) => JSON.parse(line) as Line);
  const told = /protocol=(0x[0-9a-f]+)/.exec(heading.recorder)?.[1] ?? '0x0';
  const observations = new Observations();
  const watch = new FrontEndWatch(
    {
      device: name.includes('-net-') ? 'net' : 'block',
      features: repliedWord(lines, 1) ?? BigInt(heading.offeredFeatures ?? 0),
      protocolFeatures: repliedWord(lines, 15) ?? BigInt(told),
      rings: 16,
      memorySlots: 509,
    },
    observations.tell,
  );
  for (const line of lines) {
    if (line.sender !== 'front-end' || line.channel !== 'front-end') continue;
    const bytes = bytesOf(line);
    const view = new DataView(bytes.buffer);
    watch.received({
      request: view.getUint32(0, true),
      flags: view.getUint32(4, true),
      payload: new DataView(bytes.buffer, 12),
      descriptors: line.descriptors,
      descriptorsLate: false,
    });
  }
  return observations;
}

/** What each recording breaks, in the text of its time; a recording that is not here breaks nothing. */
const known: Readonly<Record<string, readonly string[]>> = {
  // FEATURES_OK is set at SET_FEATURES, before ACKNOWLEDGE and DRIVER are told.
  'qemu-blk-inflight.jsonl': ['vu-front-end/status-in-sequence'],
  'qemu-blk-memory-and-config.jsonl': ['vu-front-end/status-in-sequence'],
  // Queues of a network device are enabled, and its MTU told, before the guest's driver chose features.
  'qemu-net-iommu-with-testpmd.jsonl': [
    'vu-front-end/status-in-sequence',
    'vu-front-end/vring-enable-needs-protocol-features',
  ],
  'qemu-net-with-testpmd.jsonl': [
    'vu-front-end/status-in-sequence',
    'vu-front-end/vring-enable-needs-protocol-features',
  ],
  'qemu-net-migration.jsonl': ['vu-front-end/set-mtu-needs-mtu', 'vu-front-end/vring-enable-needs-protocol-features'],
  'qemu-net-postcopy-destination.jsonl': ['vu-front-end/vring-enable-needs-protocol-features'],
};

t.test('recorded sessions of QEMU: what they break is known', async (t) => {
  t.ok(recordings.length > 10);
  for (const name of recordings) {
    t.same(brokenIn({ observations: judgedRecording(name), unexplained: [] }), known[name] ?? [], name);
  }
});
