import type { OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { negotiationBeforeOffer } from '../../judging/negotiation.ts';
import { type FeatureName, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import { familyNames, refusedRequests } from '../../reference-impl/faults/transport/vhost-user/request-family.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import { growsNot } from '../resource-growth.ts';
import { setInflight } from './inflight-buffer.ts';
import { addMemReg, type RegionFields, remMemReg, setMemTable } from './memory-table.ts';
import { offerOf } from './request-answers.ts';
import { setNum } from './ring-messages.ts';

/** What a back-end holds over requests that it refuses, again and again. */

type Context = CaseContext<string, VariantAxes, VhostUserSession, never>;

interface RefusedRequest {
  readonly key: string;
  readonly needs: readonly FeatureName[];
  /** A back-end may take it: then it holds more each time, and rightly. */
  readonly mayBeTaken?: true;
  message(file: number): OutgoingMessage;
}

const page = 4096n;
const region = (at: bigint): RegionFields => ({
  guestAddress: at,
  size: page,
  userAddress: 0x7000_0000n + at,
  mmapOffset: 0n,
});
const known = region(0x10_0000n);
const slots = ['VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS'] as const;

/** Requests that no back-end can carry out, each with a descriptor where it takes one. */
const requests: readonly RefusedRequest[] = [
  { key: 'REM_MEM_REG,unknown', needs: slots, message: () => remMemReg(region(0x90_0000n)) },
  { key: 'REM_MEM_REG,unknown,fd', needs: slots, message: (file) => remMemReg(region(0x90_0000n), [file]) },
  { key: 'ADD_MEM_REG,overlap', needs: slots, mayBeTaken: true, message: (file) => addMemReg(known, file) },
  {
    key: 'ADD_MEM_REG,past-file',
    needs: slots,
    message: (file) => addMemReg({ ...region(0x90_0000n), mmapOffset: 1n << 62n }, file),
  },
  { key: 'SET_MEM_TABLE,overlap', needs: [], message: (file) => setMemTable([known, known], [file, file]) },
  {
    key: 'SET_MEM_TABLE,past-file',
    needs: [],
    message: (file) => setMemTable([{ ...known, mmapOffset: 1n << 62n }], [file]),
  },
  {
    key: 'SET_MEM_TABLE,second-past-file',
    needs: [],
    message: (file) => setMemTable([known, { ...region(0x90_0000n), mmapOffset: 1n << 62n }], [file, file]),
  },
  {
    key: 'SET_LOG_BASE,past-file',
    needs: ['VHOST_USER_PROTOCOL_F_LOG_SHMFD'],
    message: (file) => ({
      request: 'VHOST_USER_SET_LOG_BASE',
      payload: { logSize: page, logOffset: 1n << 62n },
      descriptors: [file],
    }),
  },
  { key: 'SET_VRING_NUM,size=3', needs: [], message: () => setNum(0, 3) },
  {
    key: 'SET_INFLIGHT_FD,past-file',
    needs: ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'],
    message: (file) => setInflight({ mmapSize: page, mmapOffset: 1n << 62n, numQueues: 1, queueSize: 16 }, [file]),
  },
];

function opened({ port, connect }: Context, { needs }: RefusedRequest, file: number): VhostUserSession {
  const session = connect('connected');
  const negotiate = [...needs, 'VHOST_USER_PROTOCOL_F_REPLY_ACK'] as const;
  session.negotiate(negotiationBeforeOffer({ negotiate }, port.facts));
  if (needs === slots) session.messages.send(addMemReg(known, file));
  return session;
}

function isTaken(context: Context, point: RefusedRequest): boolean {
  if (point.mayBeTaken !== true) return false;
  const file = context.port.descriptors.memoryFile(Number(page));
  const session = opened(context, point, file);
  const { kind } = session.messages.acknowledged(point.message(file));
  session.close();
  return kind === 'done';
}

/** The request on a connection that goes on where the back-end lets it, and on a new one where it ended the last. */
function repeatedly(context: Context, point: RefusedRequest): () => void {
  const file = context.port.descriptors.memoryFile(Number(page));
  let session: VhostUserSession | undefined;
  return () => {
    if (session?.isOpen !== true || session.fence().kind !== 'passed') {
      session?.close();
      session = opened(context, point, file);
    }
    session.messages.send(point.message(file));
    session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' });
  };
}

export const refusedHoldsNothing = defineCase({
  id: 'vhost-user/growth/refused-request-holds-nothing-more',
  title: 'a request that cannot be carried out and is sent again and again leaves no more descriptors and mappings',
  proves: { 'vu-fds/repeated-request-holds-nothing-more': familyNames(refusedRequests, 'leaks-where-refused') },
  applies: { start: 'closed', transports: ['vhost-user'], needs: ['resources'], ring: 'none', shareMemory: false },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-fds/repeated-request-holds-nothing-more');
    check.isBesideText = true;
    const asked = connect('connected');
    const offer = offerOf(asked, check);
    asked.close();
    const offered = requests.filter(({ needs }) => needs.every((name) => hasFeature(offer, name, port.facts)));
    points(offered, (point) => {
      if (isTaken(context, point)) return;
      growsNot(port, check, `descriptors and mappings held after repeating ${point.key}`, repeatedly(context, point));
    });
  },
});
