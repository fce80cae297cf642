import { readable, writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { type BrokenChain, eachSurvived } from '../broken-chain.ts';
import { presumesService, servesAfresh } from '../running-queue.ts';
import { netPort } from './net-port.ts';

/** Buffers that no driver may give: the text leaves open what becomes of them, a device must only survive. */

export const shortTransmit = defineCase({
  id: 'virtio/net/short-transmit-buffer-is-survived',
  title: 'a transmit chain that ends inside its header, or right behind it, or inside the Ethernet header, is survived',
  proves: { 'net/short-transmit-buffer-survived': 'net-short-transmit-crashes' },
  applies: { start: 'closed', devices: ['net'] },
  run(context) {
    const { guest } = context;
    const check = context.requirement('net/short-transmit-buffer-survived');
    const all = [1, 4, 9, 10, 11, 12, 13, 25].map(
      (size): BrokenChain => ({
        key: `bytes=${size}`,
        chain: () => {
          const span = guest.allocate({ size });
          span.fill(0);
          return [readable(span)];
        },
      }),
    );
    eachSurvived(context, check, all);
  },
});

export const shortReceive = defineCase({
  id: 'virtio/net/short-receive-buffer-is-survived',
  title: 'a receive chain too short for header or packet is survived',
  proves: { 'net/short-receive-buffer-survived': 'net-short-receive-crashes' },
  applies: { start: 'closed', devices: ['net'] },
  run(context) {
    const { guest, port } = context;
    const check = context.requirement('net/short-receive-buffer-survived');
    const all = [1, 4, 11, 12, 13, 71].map((bytes) => ({ key: `bytes=${bytes}`, bytes }));
    presumesService(context, check);
    context.points(all, ({ key, bytes }) => {
      const session = context.connect('negotiated');
      const driver = context.driverOf(session);
      const { transmit, receive } = netPort({ driver, ring: context.ring });
      receive.makeAvailable([[writable(guest.allocate({ size: bytes }))], [writable(guest.allocate({ size: bytes }))]]);
      receive.kick();
      for (const seed of [1, 2, 3]) driver.warmUp(transmit, { seed });
      port.until(() => receive.usedCount() !== 0 || receive.errors() > 0 || !session.isOpen, 20);
      if (session.isOpen) receive.stop();
      session.close();
      servesAfresh(context, check, `after receive buffers of ${key}`);
    });
  },
});
