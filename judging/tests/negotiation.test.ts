import t from 'tap';
import type { TargetFacts } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { featureSet, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import { deadlineFor } from '../deadline.ts';
import { firstContact } from '../first-contact.ts';
import { negotiationBeforeOffer, negotiationFor } from '../negotiation.ts';

const version1 = 1n << 32n;
const protocolFeatures = 1n << 30n;
const eventIdx = 1n << 29n;
const indirect = 1n << 28n;

const port = openReference({ device: 'block' });
const facts: TargetFacts = { ...port.facts, requiredFeatures: ['VIRTIO_F_INDIRECT_DESC'] };
t.teardown(() => port.close());

t.test(
  'a session acknowledges what every one does, what the target needs and what is wanted, if offered',
  async (t) => {
    const offer = featureSet({ device: version1 | eventIdx | indirect | (1n << 9n), protocol: 1n << 3n });
    const wants = { negotiate: ['VIRTIO_F_EVENT_IDX', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'] } as const;
    const accepted = featureSet({ device: version1 | eventIdx | indirect, protocol: 1n << 3n });
    t.same(negotiationFor(wants, facts, offer), accepted);
    t.same(negotiationFor({ without: ['VIRTIO_F_VERSION_1'] }, facts, offer).device, indirect);
    t.same(negotiationBeforeOffer({}, facts).device, version1 | protocolFeatures | indirect);
  },
);

t.test('bit 30 is wanted on vhost-user alone', async (t) => {
  const everyBit = featureSet({ device: 2n ** 64n - 1n, protocol: 2n ** 64n - 1n });
  t.equal(negotiationFor({}, facts, everyBit).device & protocolFeatures, protocolFeatures);
  for (const transport of ['vhost-kernel', 'vhost-vdpa', 'vhost-mdev', 'virtio-pci'] as const) {
    const elsewhere = { ...facts, transport };
    t.equal(negotiationFor({}, elsewhere, everyBit).device & protocolFeatures, 0n, transport);
    const wants = { negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'] } as const;
    t.equal(negotiationFor(wants, elsewhere, everyBit).protocol, 0n, transport);
  }
});

t.test('the first contact shows the offer, and leaves no session behind', async (t) => {
  const contact = firstContact(port);
  t.equal(contact.kind, 'served');
  if (contact.kind === 'served') t.ok(hasFeature(contact.offer, 'VIRTIO_F_VERSION_1', port.facts));
  t.equal(port.releaseAll(), 0);
});

t.test('a deadline is 2000 latencies, between one second and ten', async (t) => {
  t.equal(deadlineFor(10, 1), 1_000);
  t.equal(deadlineFor(2_000, 1), 4_000);
  t.equal(deadlineFor(2_000, 2), 8_000);
  t.equal(deadlineFor(1_000_000, 1), 10_000);
});
