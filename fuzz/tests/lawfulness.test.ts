import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { featureSet } from '../../reference-impl/catalogue/feature-set.ts';
import { anyProgram } from '../arbitraries/any-program.ts';
import { isJudged, Lawfulness, type Standing } from '../program/lawfulness.ts';
import { parseProgram } from '../program/parse-program.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';

/** VERSION_1, PROTOCOL_FEATURES, INDIRECT_DESC, RING_PACKED; MQ, REPLY_ACK, CONFIG, CONFIGURE_MEM_SLOTS. */
const offer = featureSet({ device: 0x5_5000_0000n, protocol: 0x8209n });
const target = { transport: 'vhost-user', device: 'block', offer, queues: 2 } as const;

function standingsOf(program: Program): Map<string, Standing> {
  const lawfulness = new Lawfulness(target);
  return new Map(resolved(program).calls.map((call) => [`${call.kind}${call.id}`, lawfulness.standingOf(call)]));
}

const begin = 'r1 = connect\nr2 = negotiate\nr3 = memory\nr4 = share\nr5 = ring\nr6 = attach\n';

t.test('a program that keeps to the text is judged from its first call to its last', (t) => {
  const text = `${begin}r7 = chain segments=[{bytes=00*16} {writable=yes length=512}]\nr8 = kick\nr9 = wait\nr10 = stop\nr11 = disconnect`;
  for (const [call, standing] of standingsOf(parseProgram(text))) t.ok(isJudged(standing), `${call} ${standing.why}`);
  t.end();
});

t.test('a call that breaks a rule taints the least that it can, and what acts on that is not judged', (t) => {
  const cases: [text: string, call: string, taints: Standing['taints'], why: RegExp][] = [
    [
      `${begin}r7 = chain segments=[{writable=yes length=1} {bytes=00}]`,
      'chain7',
      'ring',
      /to read follows one to write/,
    ],
    [`${begin}r7 = chain segments=[{length=0}]`, 'chain7', 'ring', /empty buffer/],
    [`${begin}r7 = chain segments=[{bytes=00}] direct=0`, 'chain7', 'ring', /INDIRECT_DESC/],
    [`${begin}r7 = ring-write offset=2 bytes=ffff`, 'ring-write7', 'ring', /written into a ring/],
    [`${begin}r7 = message request=13 descriptors=[{kind=pipe}]`, 'message7', 'session', /no event file descriptor/],
    [`${begin}r7 = message request=12 descriptors=[{kind=socket}]`, 'message7', 'session', /no event file descriptor/],
    [`${begin}r7 = attach index=3`, 'attach7', 'session', /has 2 queues/],
    [`${begin}r7 = ring layout=packed\nr8 = attach index=1`, 'attach8', 'ring', /negotiated split/],
    [`${begin}r7 = ring size=48\nr8 = attach index=1`, 'attach8', 'ring', /power of 2/],
    [`${begin}r7 = ring\nr8 = attach`, 'attach8', 'ring', /was not stopped/],
    [`${begin}r7 = attach index=1`, 'attach7', 'ring', /in use at another index/],
    ['r1 = connect\nr2 = negotiate device=0x8000000000 exact=yes', 'negotiate2', 'session', /not offered/],
    ['r1 = connect\nr2 = read-config', 'read-config2', 'session', /CONFIG/],
    ['r1 = connect\nr2 = message request=99', 'message2', 'session', /id 99/],
    ['r1 = connect\nr2 = message request=2 declared=4', 'message2', 'session', /trailing|declared/],
    ['r1 = memory\nr2 = memory-table regions=[{region=0} {region=0}]', 'memory-table2', 'memory', /twice/],
    ['r1 = memory\nr2 = memory-table regions=[{region=0}] count=9', 'memory-table2', 'memory', /says 9/],
    ['r1 = connect\nr2 = bytes bytes=01', 'bytes2', 'session', /no message/],
  ];
  for (const [text, call, taints, why] of cases) {
    const standing = standingsOf(parseProgram(text)).get(call);
    t.match(standing, { isLawful: false, taints, why }, `${text.split('\n').at(-1)}: ${standing?.why}`);
  }
  const byHand = 'r1 = connect\nr2 = message request=3\nr3 = message request=16 fields=[{name=u64 value=0x9}]\n';
  const told = standingsOf(
    parseProgram(
      `${byHand}r4 = message request=2 flags=9 fields=[{name=u64 value=0x140000000}]\nr5 = message request=17`,
    ),
  );
  for (const [call, standing] of told) t.ok(isJudged(standing), `${call}: ${standing.why}`);
  for (const [protocol, taints] of [
    ['0x8209', undefined],
    ['0x8201', 'session'],
  ] as const) {
    const again = standingsOf(
      parseProgram(
        `r1 = connect\nr2 = negotiate protocol=0x8209\nr3 = message request=16 flags=9 fields=[{name=u64 value=${protocol}}]`,
      ),
    );
    t.match(again.get('message3'), { isLawful: true, taints }, `REPLY_ACK and then ${protocol}`);
  }
  const signalled = standingsOf(
    parseProgram('r1 = connect\nr2 = message request=12 descriptors=[{}]\nr3 = signal\nr4 = connect\nr5 = fence'),
  );
  t.match(signalled.get('fence5'), { tainted: undefined });
  const behind = standingsOf(parseProgram(`${begin}r7 = ring-write bytes=ff\nr8 = kick\nr9 = connect\nr10 = fence`));
  t.match(behind.get('kick8'), { tainted: /written into a ring/ });
  t.match(behind.get('connect9'), { tainted: undefined });
  t.match(behind.get('fence10'), { tainted: undefined });
  t.end();
});

t.test('what was refused taints nothing', (t) => {
  const lawfulness = new Lawfulness(target);
  const { calls } = resolved(parseProgram('r1 = connect\nr2 = message request=99\nr3 = fence'));
  const standings = calls.map((call) => {
    const standing = lawfulness.standingOf(call);
    if (call.kind === 'message') lawfulness.refused();
    return standing;
  });
  t.match(standings.at(-1), { tainted: undefined });
  t.end();
});

t.test('every program is classified', (t) => {
  fc.assert(
    fc.property(anyProgram, (program) => {
      for (const standing of standingsOf(program).values()) {
        assert.ok(standing.isLawful || standing.taints !== undefined);
        assert.equal(standing.taints === undefined, standing.why === undefined);
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});
