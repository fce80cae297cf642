import type { VhostNetSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { refusesCall } from '../vhost-kernel/refusal.ts';

/** The backend of a ring: what may be one, and what a ring that has one refuses. */

const applies = { start: 'closed', transports: ['vhost-kernel'] } as const;

/** Addresses that no process has memory at. */
const nowhere = 1n << 60n;

export const needsRing = defineCase({
  id: 'vhost-net/backend/ring-must-be-told',
  title: 'a ring that was not told, or that lies in no memory, gets no backend: EFAULT',
  proves: { 'vk-backend/set-backend-needs-ring-and-socket': 'vhost-net-backend-needs-no-ring' },
  applies,
  run(context) {
    const check = context.requirement('vk-backend/set-backend-needs-ring-and-socket');
    const tells = (session: VhostNetSession): number => {
      session.attach(context.ring({ size: 16 }), { index: 0, enable: false });
      return session.calls.setBackend(0, session.network);
    };
    const rings: Readonly<Record<string, (session: VhostNetSession) => void>> = {
      'was not told': () => {},
      'lies in no memory': ({ calls }) => {
        calls.setSize(0, 16);
        calls.setAddresses(0, { descriptor: nowhere, available: nowhere, used: nowhere });
      },
    };
    const points = Object.entries(rings).map(([key, prepare]) => ({ key, prepare }));
    context.points(points, ({ key, prepare }) =>
      refusesCall(context, check, {
        what: `a backend for a ring that ${key}`,
        start: 'negotiated',
        prepare,
        flawed: ({ calls, network }) => calls.setBackend(0, network),
        control: tells,
        controlName: 'a backend for a ring that was told',
        errors: ['EFAULT'],
      }),
    );
  },
});

export const needsSocket = defineCase({
  id: 'vhost-net/backend/backend-is-a-socket',
  title: 'a backend that is neither a socket nor a tap fails with ENOTSOCK',
  proves: { 'vk-backend/set-backend-needs-ring-and-socket': 'vhost-net-any-file-is-a-backend' },
  applies,
  run(context) {
    const { descriptors } = context.port;
    const check = context.requirement('vk-backend/set-backend-needs-ring-and-socket');
    const others = {
      'a plain file': () => descriptors.nullDevice(),
      'an eventfd': () => descriptors.eventfd(),
      'a closed descriptor': () => 0x7fff_fff0,
    } as const;
    const points = Object.entries(others).map(([key, make]) => ({ key, make }));
    context.points(points, ({ key, make }) =>
      refusesCall(context, check, {
        what: `${key} for a backend`,
        start: 'negotiated',
        prepare: (session) => {
          session.attach(context.ring({ size: 16 }), { index: 0, enable: false });
        },
        flawed: ({ calls }) => calls.setBackend(0, make()),
        control: ({ calls, network }) => calls.setBackend(0, network),
        controlName: 'the network for a backend',
        errors: ['ENOTSOCK'],
      }),
    );
  },
});

export const ringNumber = defineCase({
  id: 'vhost-net/backend/ring-numbers-above-one-are-refused',
  title: 'SET_BACKEND of a ring other than 0 and 1 fails with ENOBUFS',
  proves: { 'vk-backend/backend-index-above-one-refused': 'vhost-net-backends-of-missing-rings-are-taken' },
  applies,
  run(context) {
    const check = context.requirement('vk-backend/backend-index-above-one-refused');
    const points = [2, 3, 0x8000_0000, 0xffff_ffff].map((index) => ({ key: `ring ${index}`, index }));
    context.points(points, ({ key, index }) =>
      refusesCall(context, check, {
        what: `SET_BACKEND of ${key}`,
        start: 'negotiated',
        prepare: (session) => {
          session.attach(context.ring({ size: 16 }), { index: 1, enable: false });
        },
        flawed: ({ calls, network }) => calls.setBackend(index, network),
        control: ({ calls, network }) => calls.setBackend(1, network),
        controlName: 'SET_BACKEND of ring 1',
        errors: ['ENOBUFS'],
      }),
    );
  },
});

export const activeRing = defineCase({
  id: 'vhost-net/backend/active-ring-keeps-size-and-base',
  title: 'SET_VRING_NUM and SET_VRING_BASE of a ring with a backend fail with EBUSY, and are taken without it',
  proves: { 'vk-vring/active-ring-size-and-base-fixed': 'vhost-net-active-rings-change' },
  applies,
  run(context) {
    const check = context.requirement('vk-vring/active-ring-size-and-base-fixed');
    const changes: Readonly<Record<string, (session: VhostNetSession) => number>> = {
      SET_VRING_NUM: ({ calls }) => calls.setSize(0, 16),
      SET_VRING_BASE: ({ calls }) => calls.setBase(0, 0),
    };
    const points = Object.entries(changes).map(([key, change]) => ({ key, change }));
    context.points(points, ({ key, change }) =>
      refusesCall(context, check, {
        what: `${key} of a ring with a backend`,
        start: 'negotiated',
        prepare: (session) => {
          session.attach(context.ring({ size: 16 }), { index: 0 });
        },
        flawed: change,
        control: (session) => {
          session.calls.setBackend(0, -1);
          return change(session);
        },
        controlName: `${key} without a backend`,
        errors: ['EBUSY'],
      }),
    );
  },
});
