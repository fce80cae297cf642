import t from 'tap';
import { hashOfInternetFrame, knownKey, toeplitzHash } from '../virtio/net/toeplitz.ts';

/** Answers that were published with the hash. */

t.test('the hash of the cases is the published one', async (t) => {
  const addresses = [66, 9, 149, 187, 161, 142, 100, 80];
  t.equal(toeplitzHash(knownKey, addresses), 0x323e_8fc2);
  t.equal(toeplitzHash(knownKey, [...addresses, 2794 >> 8, 2794 & 0xff, 1766 >> 8, 1766 & 0xff]), 0x51cc_c178);
  const wide = [0x3ffe, 0x2501, 0x0200, 0x1fff, 0, 0, 0, 7, 0x3ffe, 0x2501, 0x0200, 3, 0, 0, 0, 1, 2794, 1766];
  t.equal(
    toeplitzHash(
      knownKey,
      wide.flatMap((word) => [word >> 8, word & 0xff]),
    ),
    0x4020_7d3d,
  );
});

t.test('a frame is hashed by the first of its types that is enabled', async (t) => {
  const ends = { sourcePort: 1, destinationPort: 2, source: 3, destination: 4 };
  const report = (enabled: number): number | undefined => hashOfInternetFrame('udp4', ends, enabled, knownKey)?.report;
  t.equal(report(0x3f), 3);
  t.equal(report(0x3b), 1);
  t.equal(report(0x3a), undefined);
});
