import type { Exchange, VhostUserSession } from '../../drivers/port/port.ts';
import { type Applies, type CaseContext, defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { backEndMessages, cameOf, serveBackEnd, servedQueue, uuidOf } from './back-end-messages.ts';
import { waited } from './ring-by-hand.ts';

/** Objects that a back-end exports to others (vhost-user, "VHOST_USER_BACKEND_SHARED_OBJECT_ADD"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_SHARED_OBJECT', 'VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
} as const;

const exporting: Applies<'vhost-user', never> = {
  ...applies,
  when: [
    {
      holds: ({ sharedObjects = [] }) => sharedObjects.length > 0,
      missing: 'a target that says which objects it exports',
    },
  ],
};

const uuidBytes = 16;
/** Of more objects than these, the first are asked for. */
const mostAsked = 4;

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** As UUIDs are written, of one whose parts are big-endian. */
function written(uuid: Uint8Array): string {
  const digits = hexOf(uuid);
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  );
}

type Running = Pick<CaseContext<never, Record<never, never>, VhostUserSession>, 'port' | 'session' | 'driver' | 'ring'>;

const addMessage = 'VHOST_USER_BACKEND_SHARED_OBJECT_ADD';

/** UUIDs of what the back-end exports once a ring has served a request. */
function exported({ port, session, ...running }: Running, check: Check): Uint8Array[] {
  serveBackEnd(session, check);
  servedQueue(running);
  const added = cameOf(port, session, addMessage).map(uuidOf);
  const withdrawn = new Set(backEndMessages(session, 'VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE').map(uuidOf).map(hexOf));
  return added.filter((uuid) => !withdrawn.has(hexOf(uuid)));
}

const ask = (session: VhostUserSession, uuid: Uint8Array): Exchange =>
  session.messages.exchange({ request: 'VHOST_USER_GET_SHARED_OBJECT', payload: { uuid } });

export const knownObject = defineCase({
  id: 'vhost-user/shared-objects/an-exported-object-is-handed-over',
  title: 'GET_SHARED_OBJECT with a UUID that the back-end added is answered with one descriptor',
  proves: { 'vu-shared-object/known-uuid-yields-descriptor': 'shared-object-kept-back' },
  applies: exporting,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-shared-object/known-uuid-yields-descriptor');
    const objects = exported({ port, session, driver, ring }, check);
    if (objects.length === 0) check.inconclusive('the back-end exports no object');
    for (const uuid of objects.slice(0, mostAsked)) {
      const answer = check.reply(ask(session, uuid), 'GET_SHARED_OBJECT');
      check.equal(answer.descriptors.length, 1, `descriptors of the answer for ${written(uuid)}`);
    }
  },
});

/** No text has a back-end export anything: the target says that it does, and cases on its objects would show nothing without. */
export const knownObjects = defineCase({
  id: 'vhost-user/shared-objects/objects-are-added-where-the-target-says-so',
  title: 'a back-end that is known to export objects adds as many of them once a ring runs',
  proves: { 'vu-shared-object/known-objects-added': 'shared-object-never-added' },
  applies: exporting,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-shared-object/known-objects-added');
    const { length } = port.facts.sharedObjects ?? [];
    serveBackEnd(session, check);
    servedQueue({ driver, ring });
    const added = () => new Set(backEndMessages(session, addMessage).map(uuidOf).map(hexOf)).size;
    waited(port, check, 'a ring that runs', `${length} objects that are added`, () => added() >= length);
  },
});

export const unknownObject = defineCase({
  id: 'vhost-user/shared-objects/an-unknown-object-yields-no-descriptor',
  title: 'GET_SHARED_OBJECT with a UUID that the back-end did not add is answered without a descriptor',
  proves: { 'vu-shared-object/known-uuid-yields-descriptor': 'any-shared-object-handed-over' },
  applies,
  run({ port, session, driver, ring, random, requirement }) {
    const check = requirement('vu-shared-object/known-uuid-yields-descriptor');
    exported({ port, session, driver, ring }, check);
    const uuid = Uint8Array.from({ length: uuidBytes }, () => random(256));
    // A front-end asks for what was added: whoever ends the connection here breaks no rule.
    check.isBesideText = true;
    const answer = ask(session, uuid);
    if (answer.kind === 'closed') return check.inconclusive('the connection ends at a UUID that was not added');
    check.isBesideText = false;
    const { descriptors } = check.reply(answer, 'GET_SHARED_OBJECT');
    check.equal(descriptors.length, 0, 'descriptors of the answer for a UUID that was not added');
  },
});

export const bigEndianParts = defineCase({
  id: 'vhost-user/shared-objects/uuid-is-that-of-the-object',
  title: 'each UUID that the back-end adds is, read with big-endian parts, one of those that its objects have',
  proves: { 'vu-shared-object/uuid-parts-big-endian': 'shared-object-uuid-little-endian' },
  applies: exporting,
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-shared-object/uuid-parts-big-endian');
    const known = (port.facts.sharedObjects ?? []).map((uuid) => uuid.toLowerCase());
    const objects = exported({ port, session, driver, ring }, check);
    if (objects.length === 0) check.inconclusive('the back-end exports no object');
    for (const uuid of objects) check.oneOf(written(uuid), known, 'the UUID of an object');
  },
});
