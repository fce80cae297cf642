import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { offeredNegotiation } from '../../judging/negotiation.ts';
import { featureSetOf, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import { plainGuest } from '../../reference-impl/memory/guest.ts';
import { packedPosition, splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { allCases } from '../all-cases.ts';
import { axesOf, reportedRequirements } from '../axes.ts';
import type { AnyCase } from '../case.ts';
import { isAtStart, positionText, settled } from '../ring-positions.ts';
import { absentAxisOf } from '../runner/applicability.ts';

const port = openReference({ device: 'block' });
t.teardown(() => port.close());
const contact = firstContact(port);
if (contact.kind !== 'served') throw new Error(contact.why);
const { facts } = port;
const { offer } = contact;

const generic: AnyCase = {
  id: 'virtio/some/case',
  title: 'a case',
  proves: { 'split/chain-used-once': 'a-fault', 'vu-header/reply-carries-version-1': 'another' },
  applies: { start: 'negotiated' },
  variants: {},
  run() {},
};

t.test('the reference offers every axis of every case that applies to it', async (t) => {
  for (const definition of allCases) {
    for (const axes of axesOf(definition)) {
      if (axes.layout === 'packed') t.equal(absentAxisOf(definition, axes, facts, offer), undefined, definition.id);
    }
  }
});

t.test('an axis that a target does not offer is named, with what is missing', async (t) => {
  const minimal = featureSetOf(['VIRTIO_F_VERSION_1', 'VHOST_USER_F_PROTOCOL_FEATURES'], facts);
  t.match(absentAxisOf(generic, { layout: 'packed' }, facts, minimal), { axis: 'layout', why: /RING_PACKED offered/ });
  t.equal(absentAxisOf(generic, { layout: 'split', negotiation: 'minimal' }, facts, minimal), undefined);
  const same = absentAxisOf(generic, { layout: 'split', negotiation: 'offered' }, facts, minimal);
  t.match(same, { axis: 'negotiation' }, 'nothing more to negotiate');
  const more = featureSetOf(['VIRTIO_F_VERSION_1', 'VIRTIO_F_EVENT_IDX'], facts);
  t.equal(absentAxisOf(generic, { layout: 'split', negotiation: 'offered' }, facts, more), undefined);
  const packedOnly = { ...facts, requiredFeatures: ['VIRTIO_F_RING_PACKED' as const] };
  t.match(absentAxisOf(generic, { layout: 'split' }, packedOnly, offer), { axis: 'layout', why: /works without/ });
  const elsewhere = { ...facts, ownedBy: { VIRTIO_F_RING_PACKED: 'front-end' } };
  t.match(absentAxisOf(generic, { layout: 'packed' }, elsewhere, offer), { axis: 'layout', why: /the front-end/ });
  const second = { facts, offer: minimal };
  const onSecond = absentAxisOf(generic, { layout: 'packed' }, facts, offer, second);
  t.match(
    onSecond,
    { axis: 'layout', why: /RING_PACKED offered, on the second IUT/ },
    'rings go from one to the other',
  );
  t.equal(absentAxisOf(generic, { layout: 'split' }, facts, offer, second), undefined);
});

t.test('offered: what our driver implements, less what the case excludes and what is never negotiated', async (t) => {
  const has = (wants: Parameters<typeof offeredNegotiation>[0], name: Parameters<typeof hasFeature>[1]): boolean =>
    hasFeature(offeredNegotiation(wants, facts, offer), name, facts);
  t.ok(has({}, 'VIRTIO_F_EVENT_IDX'));
  t.ok(has({}, 'VIRTIO_F_INDIRECT_DESC'));
  t.notOk(has({ without: ['VIRTIO_F_EVENT_IDX'] }, 'VIRTIO_F_EVENT_IDX'));
  t.ok(hasFeature(offer, 'VHOST_F_LOG_ALL', facts));
  t.notOk(has({}, 'VHOST_F_LOG_ALL'));
  t.ok(hasFeature(offer, 'VIRTIO_F_RING_PACKED', facts));
  t.notOk(has({}, 'VIRTIO_F_RING_PACKED'), 'the axis layout decides');
  t.ok(has({ negotiate: ['VIRTIO_F_RING_PACKED'] }, 'VIRTIO_F_RING_PACKED'));
});

t.test('a case reports the requirements of its layout', async (t) => {
  t.same(reportedRequirements(generic, { layout: 'split' }), Object.keys(generic.proves));
  const onPacked = ['packed/buffer-used-once', 'vu-header/reply-carries-version-1'];
  t.same(reportedRequirements(generic, { layout: 'packed' }), onPacked);
});

t.test('positions are told as people read them', async (t) => {
  t.equal(positionText(splitPosition(3)), 'idx 3');
  t.equal(positionText(splitPosition(3, 1)), 'available idx 3, used idx 1');
  t.equal(positionText(packedPosition(3)), 'slot 3 (wrap 1)');
  t.equal(positionText(packedPosition(3, 0, 1, 1)), 'available slot 3 (wrap 0), used slot 1 (wrap 1)');
  t.same(settled(packedPosition(3, 0, 1, 1)), packedPosition(3, 0));
  const ring = plainGuest().ring({ layout: 'packed', size: 4 });
  t.ok(isAtStart(ring, 0x8000_8000));
  t.ok(isAtStart(ring, 0x8000), 'the used half is not told');
  t.notOk(isAtStart(ring, 0x8001));
});
