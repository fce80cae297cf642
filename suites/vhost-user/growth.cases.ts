import type { OutgoingMessage } from '../../drivers/port/port.ts';
import { familyNames, leakingRequests } from '../../reference-impl/faults/transport/vhost-user/request-family.ts';
import { messageByName } from '../../reference-impl/wire/vhost-user-messages.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { growsNot, memoryGrowsNot } from '../resource-growth.ts';
import type { LawfulRequest, RequestSetting } from './lawful-requests.ts';
import { remMemReg } from './memory-table.ts';
import { answersTo, openFor, pointsOf } from './request-answers.ts';

/** What a back-end holds over requests that come again and again. */

const applies = { start: 'closed', transports: ['vhost-user'], needs: ['resources'], ring: 'none' } as const;
const messagesOfBatch = 128;

/** REM_MEM_REG comes with the ADD_MEM_REG that it takes back. */
const isRepeatable = ({ request, isSentOnce }: LawfulRequest): boolean =>
  isSentOnce !== true && request !== 'VHOST_USER_REM_MEM_REG';

/** Sends one message as often as is asked, and with it the one that takes it back. */
class Repeated {
  readonly #setting: RequestSetting;
  readonly #message: OutgoingMessage;
  readonly #of: LawfulRequest;

  constructor(setting: RequestSetting, of: LawfulRequest) {
    this.#setting = setting;
    this.#of = of;
    this.#message = of.message(setting, 0);
  }

  send(times: number, check: Check, what: string): void {
    const { port, session } = this.#setting;
    for (let n = 0; n < times; n++) {
      if (this.#of.answer === 'own-reply') {
        const reply = check.reply(session.messages.exchange(this.#message), what);
        for (const fd of reply.descriptors) port.descriptors.close(fd);
      } else {
        session.messages.send(this.#message);
      }
      if (this.#of.request === 'VHOST_USER_ADD_MEM_REG') {
        session.messages.send({ ...this.#message, ...remMemReg(regionOf(this.#message)) });
      }
    }
    check.reply(session.messages.fence(), `GET_FEATURES behind ${what}`);
  }
}

const regionOf = ({ payload }: OutgoingMessage) => payload as unknown as Parameters<typeof remMemReg>[0];

export const holdsNothingMore = defineCase({
  id: 'vhost-user/growth/repeated-request-holds-nothing-more',
  title: 'a request that is sent again on one connection leaves no more descriptors and mappings than before',
  proves: {
    'vu-fds/repeated-request-holds-nothing-more': [
      ...familyNames(leakingRequests, 'leaks-a-descriptor'),
      ...familyNames(leakingRequests, 'leaks-a-mapping'),
    ],
  },
  applies,
  run(context) {
    const { port, points, requirement } = context;
    const check = requirement('vu-fds/repeated-request-holds-nothing-more');
    points(pointsOf(context, check, isRepeatable), ({ key, of }) => {
      const repeated = new Repeated(openFor(context, of, check, 'not negotiated'), of);
      growsNot(port, check, `descriptors and mappings held after repeating ${key}`, () => repeated.send(1, check, key));
    });
  },
});

export const takesNoMoreMemory = defineCase({
  id: 'vhost-user/growth/repeated-request-takes-no-more-memory',
  title: 'the memory of a back-end does not grow without end while one request is sent thousands of times',
  proves: { 'vu-fds/repeated-request-holds-nothing-more': familyNames(leakingRequests, 'leaks-a-mapping') },
  applies,
  run(context) {
    const { port, points, requirement } = context;
    const check = requirement('vu-fds/repeated-request-holds-nothing-more');
    points(pointsOf(context, check, isRepeatable), ({ key, of }) => {
      const repeated = new Repeated(openFor(context, of, check, 'not negotiated'), of);
      memoryGrowsNot(port, check, `memory after repeating ${key}`, () => repeated.send(messagesOfBatch, check, key));
    });
  },
});

export const connectionsLeaveNothing = defineCase({
  id: 'vhost-user/growth/connections-leave-nothing-of-a-request',
  title: 'connections that end behind a request leave no descriptors and mappings of it',
  proves: {
    'vu-reconnect/dead-connection-resources-released': ['descriptors-outlive-connection', 'memory-outlives-connection'],
  },
  applies,
  run(context) {
    const { port, points, requirement } = context;
    const check = requirement('vu-reconnect/dead-connection-resources-released');
    points(pointsOf(context, check), ({ key, of }) => {
      growsNot(port, check, `descriptors and mappings held after connections with ${key}`, () => {
        const setting = openFor(context, of, check, 'not negotiated');
        const { ended } = answersTo(setting.session, of.message(setting, 0));
        if (ended !== undefined) check.failsBy(ended, key, 'answers to the fences behind it');
        setting.session.close();
      });
    });
  },
});

export const surplusOfEach = defineCase({
  id: 'vhost-user/growth/surplus-descriptors-of-each-request-are-closed',
  title: 'two descriptors more than a request takes do not stay open, whichever request it is',
  proves: {
    'vu-fds/surplus-descriptors-refused-or-closed': 'surplus-descriptors-kept',
    'vu-fds/unexpected-descriptors-closed': 'unexpected-descriptors-kept',
  },
  applies,
  run(context) {
    const { port, points, requirement } = context;
    const ofSurplus = requirement('vu-fds/surplus-descriptors-refused-or-closed');
    const ofUnexpected = requirement('vu-fds/unexpected-descriptors-closed');
    points(pointsOf(context, ofSurplus), ({ key, of }) => {
      const { requestDescriptors } = messageByName(of.request);
      const check = requestDescriptors.maximum === 0 ? ofUnexpected : ofSurplus;
      growsNot(port, check, `descriptors held after repeating ${key} with two more`, () => {
        const setting = openFor(context, of, check, 'not negotiated');
        const message = of.message(setting, 0);
        const surplus = [port.descriptors.eventfd(), port.descriptors.eventfd()];
        answersTo(setting.session, { ...message, descriptors: [...(message.descriptors ?? []), ...surplus] });
        setting.session.close();
      });
    });
  },
});
