import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { DeviceLog, deviceCallIn } from '../iut-process/device-log.ts';
import { listener, open } from './small-program.ts';

t.test('a line tells of a call', async (t) => {
  t.same(deviceCallIn('2584778787 vdpa_sw_net0 3 set_vring_state vring=1 state=0 -> -22', 2, 1000), {
    process: 2,
    timeUs: 2_584_779_787,
    device: 'vdpa_sw_net0',
    connection: 3,
    call: 'set_vring_state',
    text: 'set_vring_state vring=1 state=0',
    result: '-22',
  });
  for (const line of ['', 'dev_conf', '1 d dev_conf -> 0', '1 d 0 dev_conf', 'x d 0 dev_conf -> 0'])
    t.equal(deviceCallIn(line, 1, 0), undefined, line);
});

t.test('a log is read as it grows, and a new process begins a new one', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vc-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'device.log');
  const log = new DeviceLog(path);
  const taken = (): string[] => log.take().calls.map(({ process, call }) => `${process} ${call}`);
  log.beginAnew();
  t.same(taken(), [], 'no file yet');
  appendFileSync(path, '1 d 0 dev_conf -> 0\nnoise\n2 d 0 dev_clo');
  t.same(taken(), ['1 dev_conf']);
  appendFileSync(path, 'se -> 0\n');
  t.same(taken(), ['1 dev_close'], 'a line in two pieces');
  appendFileSync(path, '3 d 0 dev_conf -> 0\n');
  log.beginAnew();
  appendFileSync(path, '4 d 0 dev_conf -> 0\n');
  t.same(taken(), ['1 dev_conf', '2 dev_conf'], 'what the first process wrote last is not lost');
  t.equal(log.take().process, 2);
});

t.test('what a back-end puts in its place is no log', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vc-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const log = new DeviceLog(directory);
  t.same(log.take().calls, [], 'a directory');
});

t.test('a process that is said to write one is read, another is not', async (t) => {
  const script = `require('node:fs').writeFileSync('device.log', '1 d 0 dev_conf -> 0\\n');`;
  const iut = open(t, listener(script, { deviceLog: 'device.log' }));
  iut.start();
  t.same(
    iut.takeDeviceCalls?.().calls.map(({ text }) => text),
    ['dev_conf'],
  );
  t.equal(open(t, listener()).takeDeviceCalls, undefined);
});
