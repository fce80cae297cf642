import t from 'tap';
import { deviceTypeOf } from '../../drivers/devices/device-types.ts';
import { caseKey } from '../../reports/record/record.ts';
import { allCases } from '../all-cases.ts';
import { variantsOf } from '../case.ts';
import { needsOf, requestsMissing } from '../runner/request-needs.ts';

const generic = deviceTypeOf('generic').external;
const net = { ...generic, kind: 'net', receiveIndex: 0, reflects: 'unchanged' };

t.test('what is listed is a case, or a variant of one', async (t) => {
  const known = new Set(
    allCases.flatMap((definition) => [
      definition.id,
      ...variantsOf(definition).map((variant) => caseKey(definition.id, variant)),
    ]),
  );
  t.same(
    Object.keys(needsOf).filter((key) => !known.has(key)),
    [],
    'npm run request-needs',
  );
});

t.test('what a target does not give is missing, by its workload', async (t) => {
  const wraps = { id: 'virtio/split-ring/used-idx-wraps-at-65536' };
  t.same(requestsMissing(wraps, { queueSize: 16 }, { workload: generic }), [
    'requests of a device that we have no driver of',
  ]);
  const request = { readable: '00', writable: 1, writes: { least: 1, most: 1 } };
  t.same(requestsMissing(wraps, { queueSize: 16 }, { workload: { ...generic, request } as typeof generic }), []);
  t.same(requestsMissing(wraps, { queueSize: 16 }, { workload: deviceTypeOf('block').external }), []);
  const merges = { id: 'virtio/net/num-buffers-counts-buffers' };
  const frames = (returns: string): string[] =>
    requestsMissing(merges, { bufferBytes: 128 }, { workload: { ...net, returns } as typeof generic });
  t.same(frames('same-port'), []);
  t.same(frames('none'), ['frames that come back to the port']);
  t.same(frames('arp-reply'), ['frames that come back to the port']);
});

t.test('a ring larger than the largest is missing', async (t) => {
  const definition = { id: 'vhost-user/ring-state/every-request-is-handled-whatever-the-size' };
  const workload = deviceTypeOf('block').external;
  t.same(requestsMissing(definition, { size: 2048 }, { workload, largestRing: 1024 }), ['rings of 2048 entries']);
  t.same(requestsMissing(definition, { size: 1024 }, { workload, largestRing: 1024 }), []);
});
