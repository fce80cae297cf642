import type { DriverPort, Guest, VhostUserSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { Check } from '../check.ts';
import type { DeviceInUse } from './device-in-use.ts';
import { addMemReg, fieldsOf, remMemReg, tableOf } from './memory-table.ts';
import { setDescriptor, setEnable } from './ring-messages.ts';

export interface Changed {
  readonly port: DriverPort<VhostUserSession>;
  readonly session: VhostUserSession;
  readonly guest: Guest;
  readonly device: DeviceInUse;
  readonly check: Check;
}

/** What cases about changes apply to. */
export const ofRings = {
  start: 'negotiated',
  transports: ['vhost-user'],
  offers: ['VHOST_USER_F_PROTOCOL_FEATURES'],
} as const;

/** The same where flags decide which signals come, and where events do. */
export const byFlag = { ...ofRings, without: ['VIRTIO_F_EVENT_IDX'] } as const;
export const byEvent = { ...ofRings, negotiate: ['VIRTIO_F_EVENT_IDX'] } as const;
/** What ADD_MEM_REG and REM_MEM_REG need beside. */
export const slotFeatures = ['VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'] as const;
export const slotChanges = ['added', 'added-and-removed'] as const;

/** A change that leaves the memory and the rings of a device where they are. */
type Change = (changed: Changed) => void;

const fenced = ({ session, check }: Changed): void => {
  check.reply(session.messages.fence(), 'GET_FEATURES behind the change');
};

/** Odd, so that the last has more. A device that looks at its rings while it takes a table meets its own race in one. */
const tablesOfChange = 5;

/** What a front-end may tell while rings run (vhost-user, "Ring states"), and a stop with a new start. */
export const changesWhileInUse = {
  'memory-table-again': ({ port, session, guest, check }) => {
    check.granted(session.messages.acknowledged(tableOf(port, guest)), 'the memory table of the change');
  },
  'memory-table-with-more': ({ port, session, guest, device, check }) => {
    const more = port.createGuest(guestLayouts['single-region']);
    for (let table = 1; table <= tablesOfChange; table++) {
      const guests = table % 2 === 1 ? [guest, more] : [guest];
      check.granted(session.messages.acknowledged(tableOf(port, ...guests)), 'the memory table of the change');
      if (table < tablesOfChange) device.use(table);
    }
  },
  'features-again': (changed) => {
    const { session } = changed;
    const u64 = session.negotiated.accepted.device;
    session.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
    fenced(changed);
  },
  'call-descriptor': (changed) => {
    for (const ring of changed.device.rings) ring.replaceCall();
    fenced(changed);
  },
  'error-descriptor': (changed) => {
    const { port, session, device } = changed;
    for (const { queue } of device.rings) {
      session.messages.send(setDescriptor('ERR', queue.index, port.descriptors.eventfd()));
    }
    fenced(changed);
  },
  'error-descriptor-taken-away': (changed) => {
    const { session, device } = changed;
    for (const { queue } of device.rings) session.messages.send(setDescriptor('ERR', queue.index));
    fenced(changed);
  },
  'disabled-and-enabled': (changed) => {
    const { session, device } = changed;
    for (const { queue } of device.rings) {
      for (const num of [0, 1]) session.messages.send(setEnable(queue.index, num));
    }
    fenced(changed);
  },
} as const satisfies Record<string, Change>;

type ChangeName = keyof typeof changesWhileInUse;
export const changeNames = Object.keys(changesWhileInUse) as ChangeName[];

/** ADD_MEM_REG of the regions of another guest, and REM_MEM_REG of them where they are not to stay. */
export function changeSlots({ port, session, check }: Changed, staying: boolean): void {
  for (const region of port.createGuest(guestLayouts['single-region']).regions) {
    const added = addMemReg(fieldsOf(region), port.descriptors.ofRegion(region));
    check.accepted(session.messages.acknowledged(added), 'ADD_MEM_REG');
    if (!staying) check.accepted(session.messages.acknowledged(remMemReg(fieldsOf(region))), 'REM_MEM_REG');
  }
}
