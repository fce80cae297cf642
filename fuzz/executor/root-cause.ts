import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { VIRTQ_DESC_F_WRITE } from '../../reference-impl/virtqueue/descriptor.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { KnownTarget } from '../program/known-state.ts';
import { type Call, type CallOf, nextId, type Program } from '../program/program.ts';
import { fieldOf } from '../program/told-message.ts';

/**
 * A lawful way to say something, and the requirement by which it means the same as another. An IUT that does not know it
 * takes a request for another one, or a ring for what was there before: what comes of that looks like a mistake of its own.
 */
export interface RootCause {
  readonly requirement: RequirementSlug;
  /** How it is said instead. */
  readonly instead: string;
  /** The program with all of it said otherwise; undefined where none of it is said so. */
  without(program: Program): Program | undefined;
}

type Chain = CallOf<'chain'>;

const without =
  (of: (call: Call, calls: readonly Call[]) => Call): RootCause['without'] =>
  ({ calls }) => {
    const others = calls.map((call) => of(call, calls));
    return others.some((other, place) => other !== calls[place]) ? { calls: others } : undefined;
  };

const ofChains = (isSo: (chain: Chain) => boolean, other: Partial<Chain>): RootCause['without'] =>
  without((call) => (call.kind === 'chain' && isSo(call) ? { ...call, ...other } : call));

const writableTable: Omit<RootCause, 'requirement'> = {
  instead: 'without WRITE beside INDIRECT',
  without: ofChains(({ direct, tableFlags }) => direct !== undefined && (tableFlags & VIRTQ_DESC_F_WRITE) !== 0, {
    tableFlags: 0,
  }),
};

const ofRings: Readonly<Record<CallOf<'ring'>['layout'], readonly RootCause[]>> = {
  split: [
    {
      requirement: 'indirect/direct-then-indirect-handled',
      instead: 'with all descriptors in the table',
      without: ofChains(({ direct = 0, segments }) => direct > 0 && direct < segments.length, { direct: 0 }),
    },
    { requirement: 'indirect/write-flag-ignored', ...writableTable },
  ],
  packed: [{ requirement: 'packed-indirect/write-flag-ignored', ...writableTable }],
};

/** Regions of a session that take the place of others at the same addresses, with nothing told in between. */
const toldAgain: RootCause = {
  requirement: 'vu-memory/mem-table-replaces-regions',
  instead: 'with a table of other addresses told in between',
  without: ({ calls }) => {
    let id = nextId({ calls });
    const others = calls.flatMap((call, place): Call[] => {
      const layout = call.kind === 'share' ? layoutOf(call, calls) : undefined;
      const before = calls.slice(0, place).findLast((one) => one.kind === 'share' && isOfSession(one, call));
      if (layout === undefined || before === undefined || call.kind !== 'share' || before.kind !== 'share')
        return [call];
      if (before.memory === call.memory || layoutOf(before, calls) !== layout) return [call];
      const other = {
        kind: 'memory',
        id: id++,
        layout: layout === elsewhere[0] ? elsewhere[1] : elsewhere[0],
      } as const;
      return [other, { ...call, id: id++, memory: other.id }, call];
    });
    return others.length > calls.length ? { calls: others } : undefined;
  },
};

const elsewhere = ['single-region', 'adjacent-regions'] as const;

const isOfSession = (left: Call, right: Call): boolean =>
  'session' in left && 'session' in right && left.session === right.session;

const layoutOf = ({ memory }: CallOf<'share'>, calls: readonly Call[]): CallOf<'memory'>['layout'] | undefined =>
  calls.find((call): call is CallOf<'memory'> => call.kind === 'memory' && call.id === memory)?.layout;

/** A log that begins within its file. */
const logOffset: RootCause = {
  requirement: 'vu-log/log-starts-at-file-offset',
  instead: 'with a log that starts where its file does',
  without: without((call) =>
    call.kind === 'message' &&
    call.request === requestId.VHOST_USER_SET_LOG_BASE &&
    (fieldOf(call, 'logOffset') ?? 0n) > 0n
      ? { ...call, fields: call.fields.filter(({ name }) => name !== 'logOffset') }
      : call,
  ),
};

/** Windows of configuration that begin within it. */
const configurationWindow: RootCause = {
  requirement: 'vu-config/get-config-window-equals-whole',
  instead: 'where configuration is read from its start',
  without: without((call) =>
    call.kind === 'read-config' && call.offset > 0
      ? { ...call, offset: 0, length: Math.min(call.offset + call.length, mostOfConfiguration) }
      : call,
  ),
};

/** vhost-user, "Virtio device config space": the most that a message has. */
const mostOfConfiguration = 256;

/** What a program says so that something else may look wrong. */
export function rootCauses({ calls }: Program, { transport }: KnownTarget): readonly RootCause[] {
  const layouts = new Set(calls.flatMap((call) => (call.kind === 'ring' ? [call.layout] : [])));
  const ofLayouts = [...layouts].flatMap((layout) => ofRings[layout]);
  return transport === 'vhost-user' ? [...ofLayouts, toldAgain, logOffset, configurationWindow] : ofLayouts;
}
