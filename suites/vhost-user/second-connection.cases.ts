import { defineCase } from '../case.ts';

/** A second connection while one is open. */

export const sparesFirst = defineCase({
  id: 'vhost-user/close/second-connection-leaves-the-first-alone',
  title: 'while a second connection is made, sends messages and ends, requests of the first are served',
  proves: { 'vu-close/second-connection-spares-first': 'second-connection-ends-first' },
  applies: { start: 'negotiated', transports: ['vhost-user'] },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-close/second-connection-spares-first');
    const queue = driver.attach(ring({ size: 16 }));
    driver.warmUp(queue, { seed: 1 });
    const served = (what: string, seed: number): void => {
      check.reply(session.messages.fence(), `GET_FEATURES ${what}`);
      check.equal(driver.once(queue, { seed }), undefined, `what is wrong with a request ${what}`);
    };
    // It may be refused, wait to be accepted, or be answered: nothing is waited for.
    const second = port.connect();
    served('behind a second connection', 2);
    if (second.kind === 'connected') {
      second.session.messages.send({ request: 'VHOST_USER_SET_OWNER' });
      second.session.messages.send({ request: 'VHOST_USER_GET_FEATURES' });
      served('behind messages of a second connection', 3);
      second.session.close();
    }
    served('behind the end of a second connection', 4);
  },
});
