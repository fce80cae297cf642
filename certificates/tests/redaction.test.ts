import t from 'tap';
import { decodeTrace, encodeTrace } from '../../reports/trace/trace-encoding.ts';
import { redacted } from '../redaction.ts';

const mac = Buffer.from('525400123456', 'hex');
const bytes = Buffer.concat([Buffer.from([1]), mac, Buffer.from('SER123 lab.example')]);
const trace = encodeTrace({
  target: 'nic',
  key: 'case',
  repetition: 0,
  dropped: 0,
  events: [
    {
      kind: 'message',
      seq: 0,
      timeUs: 0,
      channel: 'front-end',
      direction: 'from-iut',
      session: 0,
      descriptors: 0,
      bytes,
      length: bytes.length,
    },
    { kind: 'note', seq: 1, timeUs: 0, text: 'mac 52:54:00:12:34:56 on lab.example' },
  ],
});
const files = new Map([
  [
    'claim.json',
    Buffer.from('{"mac":"52:54:00:12:34:56","serial":"SER123","host":"lab.example","none":"ff:ff:ff:ff:ff:ff"}'),
  ],
  ['run/traces/a.pb', Buffer.from(trace)],
]);
const known = { macs: [], serials: ['SER123'], hostNames: ['lab.example'] };

t.test('what is redacted is gone from texts and traces, and equal words stay equal', async (t) => {
  const clean = redacted(files, ['mac', 'serial', 'host-name'], known);
  const text = clean.get('claim.json')?.toString() ?? '';
  t.equal(text, '{"mac":"02:00:00:00:00:01","serial":"serial-1","host":"host-1","none":"ff:ff:ff:ff:ff:ff"}');
  const { events } = decodeTrace(clean.get('run/traces/a.pb') ?? Buffer.alloc(0));
  const [message, note] = events;
  if (message?.kind !== 'message' || note?.kind !== 'note') throw new Error('the events of a trace stay');
  t.equal(Buffer.from(message.bytes).toString('latin1'), '\x01\x02\x00\x00\x00\x00\x01xxxxxx xxxxxxxxxxx');
  t.equal(note.text, 'mac 02:00:00:00:00:01 on host-1');
});

t.test('a MAC address is redacted in each form in which it is written', async (t) => {
  const told = 'at 52-54-00-12-34-56, 52 54 00 12 34 56, 525400123456; not a525400123456';
  const written = new Map([['run/results.jsonl', Buffer.from(told)]]);
  const clean = redacted(written, ['mac'], { ...known, macs: ['52:54:00:12:34:56'] });
  const stated = 'at 02-00-00-00-00-01, 02 00 00 00 00 01, 020000000001; not a525400123456';
  t.equal(String(clean.get('run/results.jsonl')), stated);
});

t.test('only what is asked for is redacted', async (t) => {
  t.equal(redacted(files, [], known), files);
  const text = redacted(files, ['serial'], known).get('claim.json')?.toString() ?? '';
  t.match(text, /52:54:00:12:34:56.*serial-1.*lab.example/);
});

t.test('a word within another one, and what is of the suite, stay', async (t) => {
  const named = new Map([
    ['claim.json', Buffer.from('"vm" vm-channel/x /srv/vm avm vm2, on vm.')],
    ['run/catalogue.json', Buffer.from('"vm"')],
  ]);
  const clean = redacted(named, ['host-name'], { macs: [], serials: [], hostNames: ['vm'] });
  t.equal(String(clean.get('claim.json')), '"host-1" vm-channel/x /srv/vm avm vm2, on host-1.');
  t.equal(String(clean.get('run/catalogue.json')), '"vm"');
});
