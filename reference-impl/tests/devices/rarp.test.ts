import t from 'tap';
import { macText, rarpRequest, senderOfRarp } from '../../devices/rarp.ts';

const mac = Uint8Array.of(0x52, 0x54, 0, 0xaa, 0xbb, 1);

t.test('a station asks everybody for its own address', async (t) => {
  const frame = rarpRequest(mac);
  t.equal(frame.length, 60);
  t.same([...frame.subarray(0, 12)], [255, 255, 255, 255, 255, 255, ...mac]);
  t.same([...frame.subarray(12, 22)], [0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3], 'RFC 903: type, kinds, request reverse');
  t.same([...frame.subarray(22)], [...mac, 0, 0, 0, 0, ...mac, ...new Array(22).fill(0)]);
});

t.test('a RARP frame names its sender', async (t) => {
  const name = macText(mac);
  t.equal(name, '52:54:00:aa:bb:01');
  const frame = rarpRequest(mac);
  t.equal(senderOfRarp(frame), name);
  t.equal(senderOfRarp(frame.subarray(0, 28)), name);
  t.equal(senderOfRarp(frame.subarray(0, 27)), undefined, 'too short');
  for (const at of [12, 13]) {
    const other = frame.slice();
    other[at] = (other[at] ?? 0) ^ 1;
    t.equal(senderOfRarp(other), undefined, `another byte ${at}`);
  }
});
