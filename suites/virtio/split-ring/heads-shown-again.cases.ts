import { defineCase } from '../../case.ts';
import { type Breakage, bearable, eachSurvivedOnSplit } from '../broken-chain.ts';
import { presumesService, runningQueue, servesAfresh } from '../running-queue.ts';

/** Heads that a driver shows again while their chain is outstanding: what becomes of the chain is left open. */

const size = 16;
const unwatched = 'it writes the available ring itself';

export const shownAgain = defineCase({
  id: 'virtio/split-ring/outstanding-head-shown-again-is-survived',
  title: 'a head that is shown once more, or in every place of the ring, before its chain was used is survived',
  proves: { 'split/outstanding-head-shown-again-survived': 'head-shown-again-crashes' },
  applies: { start: 'closed', ring: 'split' },
  unwatched,
  run(context) {
    const check = context.requirement('split/outstanding-head-shown-again-survived');
    const all = [1, 2, 7, 14].map(
      (times): Breakage => ({
        key: `again=${times}`,
        show: (ring) => {
          const idx = ring.availIdx();
          const head = ring.availHead((idx + 1) % size);
          for (let n = 0; n < times; n++) ring.setAvailHead((idx + 2 + n) % size, head);
          ring.setAvailIdx(idx + 2 + times);
        },
      }),
    );
    eachSurvivedOnSplit(context, check, all.map(bearable));
  },
});

export const receiveShownAgain = defineCase({
  id: 'virtio/net/outstanding-receive-head-shown-again-is-survived',
  title: 'a receive head that fills several places of the ring, each of which a frame comes for, is survived',
  proves: { 'split/outstanding-head-shown-again-survived': 'head-shown-again-crashes' },
  applies: { start: 'closed', ring: 'split', devices: ['net'] },
  unwatched,
  run(context) {
    const { port, driverOf, points, requirement } = context;
    const check = requirement('split/outstanding-head-shown-again-survived');
    presumesService({ ...context, driverOf }, check);
    points(
      [1, 3, 15].map((times) => ({ key: `again=${times}`, times })),
      ({ key, times }) => {
        const { session, driver, queue: transmit } = runningQueue(context, { size });
        const receive = driver.companion(driver.net.facts.receiveIndex);
        const head = Number(receive.driver.add(driver.net.bufferOf(512).request.segments));
        for (let n = 0; n < times; n++) receive.driver.addHead(head);
        receive.driver.publish();
        receive.kick();
        for (let seed = 1; seed <= times + 1 && session.isOpen; seed++) {
          transmit.makeAvailable([driver.net.transmit({ seed }).segments]);
          transmit.kick();
          port.until(() => receive.usedCount() >= seed || !session.isOpen, 20);
        }
        check.atMost(receive.usedCount(), times + 1, `chains used of those that the ring showed ${key}`);
        if (session.isOpen) session.fence();
        if (session.isOpen) receive.stop();
        session.close();
        servesAfresh({ ...context, driverOf }, check, `after ${key}`);
      },
    );
  },
});
