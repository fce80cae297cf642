import t from 'tap';
import type { IotlbFault } from '../memory/memory-map.ts';
import { IotlbReports } from '../vhost-user/iotlb-reports.ts';
import { iotlbRules } from '../vhost-user/iotlb-rules.ts';
import { RecordingEdge } from './recording-edge.ts';

function reporting() {
  const edge = new RecordingEdge();
  let lastFault: IotlbFault | undefined;
  const map = {
    get lastFault() {
      return lastFault;
    },
  };
  const session = { edge, memory: { map }, backEndChannel: 1, rules: { iotlb: iotlbRules } };
  // Of a memory it looks at the last fault alone.
  const reports = new IotlbReports(session as unknown as ConstructorParameters<typeof IotlbReports>[0]);
  const miss = (ioVirtualAddress: bigint): number => {
    lastFault = { ioVirtualAddress, access: 'read' };
    reports.report('miss');
    return edge.requests.length;
  };
  return { reports, miss };
}

t.test('a miss is told once, until translations of its place change', async (t) => {
  const { reports, miss } = reporting();
  t.equal(miss(0x1000n), 1);
  t.equal(miss(0x1000n), 1, 'told already');
  t.equal(miss(0x2000n), 2);
  reports.forgetWithin(0x2000n, 0x1000n);
  t.equal(miss(0x1000n), 2, 'the answer to another miss does not repeat it');
  t.equal(miss(0x2000n), 3, 'what was answered can be missed anew');
  reports.forgetWithin(0n, 0x1000n);
  t.equal(miss(0x1000n), 3, 'it lies behind that range');
  reports.forget();
  t.equal(miss(0x1000n), 4);
});
