import t from 'tap';
import { featureByName, missingPrerequisites } from '../catalogue/features.ts';
import { allIoctls, allIotlbMessages, allVduseMessages, ioctlByName } from '../catalogue/kernel-interface.ts';
import { allVhostUserMessages, vhostUserMessage } from '../catalogue/vhost-user-messages.ts';
import { CatalogueError } from '../errors.ts';
import { backEndMessages } from '../wire/back-end-messages.ts';
import { frontEndMessages } from '../wire/front-end-messages.ts';

t.test('ioctl requests are built as the kernel builds them', async (t) => {
  const codes = { _IO: 0, _IOW: 1, _IOR: 2, _IOWR: 3 };
  const built = allIoctls().map(({ name, direction, payloadSize, type, number }) => {
    return { name, request: codes[direction] * 2 ** 30 + payloadSize * 2 ** 16 + type * 2 ** 8 + number };
  });
  t.equal(built.length, 70);
  t.same(
    built,
    allIoctls().map(({ name, request }) => ({ name, request })),
  );
  t.equal(new Set(built.map(({ request }) => request)).size, built.length, 'no two are the same');
  t.equal(ioctlByName('VHOST_SET_OWNER').request, 0xaf01);
  t.equal(ioctlByName('VHOST_GET_FEATURES').request, 0x8008af00);
  t.same(
    allIoctls().filter(({ payload, payloadSize }) => (payload === undefined) !== (payloadSize === 0)),
    [],
  );
  // @ts-expect-error the name is no literal of IoctlName
  t.throws(() => ioctlByName('VHOST_NO_SUCH_THING'), CatalogueError);
});

t.test('messages of the IOTLB and of VDUSE are numbered without gaps', async (t) => {
  t.same(
    allIotlbMessages().map(({ type }) => type),
    [1, 2, 3, 4, 5, 6],
  );
  t.same(
    allVduseMessages().map(({ type }) => type),
    [0, 1, 2, 3, 4, 5],
  );
  t.same(
    allIotlbMessages().filter(({ direction, via }) => direction === 'user-to-kernel' && via.length === 0),
    [],
  );
});

t.test('vhost-user messages are those of the wire', async (t) => {
  const described = [...frontEndMessages, ...backEndMessages].map(({ id, name, direction, newestOnly, gate }) => ({
    id,
    name,
    side: direction,
    isNewest: newestOnly,
    features: gate.map(({ feature }) => feature).sort(),
  }));
  const facts = allVhostUserMessages().map(({ id, name, side, since, features }) => ({
    id,
    name,
    side,
    isNewest: since === 'vhost-user-newest',
    features: [...features].sort(),
  }));
  t.equal(facts.length, 55);
  t.same(facts, described);
  t.match(vhostUserMessage('VHOST_USER_SET_OWNER').text, /front-end/);
  // @ts-expect-error the name is no literal of VhostUserMessageName
  t.throws(() => vhostUserMessage('VHOST_USER_NO_SUCH_THING'), CatalogueError);
});

t.test('protocol features without prerequisites are named', async (t) => {
  const inband = featureByName('VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS');
  t.same(missingPrerequisites(inband, new Set(['VHOST_USER_PROTOCOL_F_REPLY_ACK'])), [
    ['VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
  ]);
});
