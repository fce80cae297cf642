import { seenWithinMs } from '../../judging/deadline.ts';
import { defineCase } from '../case.ts';
import { backEndMessages, serveBackEnd, servedQueue } from './back-end-messages.ts';
import { readConfig } from './config-space.ts';
import { waited } from './ring-by-hand.ts';

/** Changes of configuration space from outside (vhost-user, "VHOST_USER_BACKEND_CONFIG_CHANGE_MSG"). */

const name = 'VHOST_USER_BACKEND_CONFIG_CHANGE_MSG';
/** Bytes of configuration space that are compared: more than the fields of block and network devices that change. */
const comparedBytes = 32;

export const announced = defineCase({
  id: 'vhost-user/config/a-change-from-outside-is-announced',
  title: 'where configuration space changes from outside, CONFIG_CHANGE_MSG comes and GET_CONFIG tells of the change',
  proves: { 'vu-backend-req/config-change-announced': 'config-change-unannounced' },
  applies: {
    start: 'negotiated',
    transports: ['vhost-user'],
    devices: ['block', 'net'],
    negotiate: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_USER_PROTOCOL_F_BACKEND_REQ'],
    needs: ['changes-config'],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-backend-req/config-change-announced');
    serveBackEnd(session, check);
    servedQueue({ driver, ring });
    const bytes = port.facts.device === 'net' ? 8 : comparedBytes;
    const shown = (): string => Buffer.from(readConfig(session, 0, bytes) ?? []).toString('hex');
    const count = () => backEndMessages(session, name).length;
    const first = shown();
    check.presumes(port.operator !== undefined, 'the configuration can be changed from here');
    // The second change takes back the first: cases that follow know the device as it was.
    for (const time of [1, 2]) {
      const before = count();
      port.operator?.changeConfig();
      const shows = (): boolean => (shown() === first) === (time === 2);
      const latest = port.nowMs() + port.deadlineMs;
      while (count() === before && !shows() && port.nowMs() < latest) {
        port.until(() => count() > before, seenWithinMs(port));
      }
      check.presumes(shows(), `change ${time} shows in configuration space`);
      waited(port, check, `change ${time}`, name, () => count() > before);
    }
  },
});
