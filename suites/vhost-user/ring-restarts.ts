import type { VhostUserSession } from '../../drivers/port/port.ts';
import type { CaseContext } from '../case.ts';
import type { Check } from '../check.ts';
import { RingByHand } from './ring-by-hand.ts';

export type RestartContext = Pick<
  CaseContext<never, Record<never, never>, VhostUserSession>,
  'port' | 'session' | 'guest' | 'driver' | 'ring'
>;

/** Has one ring set up by hand, serve a request and stop, as often as is asked. */
export function restarts(
  { port, session, guest, driver, ring }: RestartContext,
  check: Check,
): (count: number) => void {
  driver.companions();
  const index = driver.queueIndex;
  const getBase = { request: 'VHOST_USER_GET_VRING_BASE', payload: { index, num: 0 } } as const;
  return (count) => {
    for (let n = 0; n < count; n++) {
      const mark = guest.mark();
      const hand = new RingByHand(port, session, ring({ size: 16 }), { index });
      hand.makeAvailable(driver.request({ seed: n }).segments);
      hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
      hand.kick();
      if (hand.waitForUsed(check, 1, 'a request of a ring that was set up anew') === undefined) return;
      check.reply(session.messages.exchange(getBase), 'GET_VRING_BASE');
      for (const fd of [hand.kickFd, hand.callFd, hand.errorFd]) port.descriptors.close(fd);
      guest.release(mark);
    }
  };
}
