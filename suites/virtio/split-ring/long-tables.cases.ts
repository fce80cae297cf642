import { readable, writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { presumesService, runningQueue, servesAfresh } from '../running-queue.ts';

/** Indirect tables with more entries than the queue has (virtio 2.7.5.3.1, 2.8.19). */

const size = 16;

export const longTable = defineCase({
  id: 'virtio/split-ring/indirect-table-longer-than-queue-is-survived',
  title: 'an indirect table with more entries than the queue is served or refused, and survived',
  proves: { 'indirect/table-longer-than-queue-survived': 'long-indirect-table-crashes' },
  applies: { start: 'closed', negotiate: ['VIRTIO_F_INDIRECT_DESC'] },
  unwatched: 'what becomes of the chain, and what it is used with, is left to the device',
  run(context) {
    const { guest, port } = context;
    const check = context.requirement('indirect/table-longer-than-queue-survived');
    const all = [17, 32, 130, 256, 1024, 2048].flatMap((entries) =>
      (['readable', 'writable'] as const).map((kind) => ({ key: `entries=${entries},${kind}`, entries, kind })),
    );
    presumesService(context, check);
    context.points(all, ({ key, entries, kind }) => {
      const { session, driver, queue } = runningQueue(context, { size, indirect: true });
      const sound = driver.chain({ seed: 1 });
      const part = guest.allocate({ size: 8 });
      part.fill(0);
      const segment = kind === 'readable' ? readable(part) : writable(part);
      const more = new Array<typeof segment>(entries - sound.length).fill(segment);
      const chain =
        kind === 'readable'
          ? [...sound.filter((one) => !one.writable), ...more, ...sound.filter((one) => one.writable)]
          : [...sound, ...more];
      queue.makeAvailable([chain], { indirect: 'all' });
      queue.kick();
      port.until(() => queue.usedCount() !== 0 || queue.errors() > 0 || !session.isOpen, 20);
      if (session.isOpen) queue.stop();
      session.close();
      servesAfresh(context, check, `after ${key}`);
    });
  },
});
