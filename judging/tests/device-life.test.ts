import t from 'tap';
import type { DeviceCall } from '../../drivers/port/port.ts';
import { DeviceLife } from '../device-life.ts';

const call = (name: string, more: Partial<DeviceCall> = {}): DeviceCall => ({
  process: 1,
  timeUs: 0,
  device: 'd0',
  connection: 0,
  call: name,
  text: name,
  result: '0',
  ...more,
});

/** What is wrong with these calls, while process 1 lives, and what is still open behind them. */
function judged(...calls: readonly DeviceCall[]): string[] {
  const life = new DeviceLife();
  const problems = life.follow({ process: 1, calls });
  return [...problems, ...life.takeOpen()].map(({ actual }) => actual);
}

t.test('each configuration is closed once', async (t) => {
  t.same(judged(call('dev_conf'), call('set_vring_state'), call('dev_close')), []);
  t.same(judged(call('dev_conf'), call('dev_close'), call('dev_conf'), call('dev_close')), [], 'again and again');
  t.same(
    judged(
      call('dev_conf'),
      call('dev_conf', { connection: 1 }),
      call('dev_close'),
      call('dev_close', { connection: 1 }),
    ),
    [],
  );
  t.same(judged(call('dev_conf')), ['no dev_close']);
  t.same(judged(call('dev_close')), ['a dev_close without a dev_conf']);
  t.same(judged(call('dev_conf'), call('dev_close'), call('dev_close')), ['a dev_close without a dev_conf']);
  t.same(judged(call('dev_conf'), call('dev_conf'), call('dev_close')), ['a second dev_conf before a dev_close']);
  t.same(
    judged(call('dev_conf'), call('dev_close', { connection: 1 })),
    ['a dev_close without a dev_conf', 'no dev_close'],
    'of another connection',
  );
  t.same(
    judged(call('dev_conf'), call('dev_close', { device: 'd1' })),
    ['a dev_close without a dev_conf', 'no dev_close'],
    'of another device',
  );
});

t.test('what failed was not configured', async (t) => {
  t.same(judged(call('dev_conf', { result: '-1' })), []);
  t.same(judged(call('dev_conf', { result: '-1' }), call('dev_close')), ['a dev_close without a dev_conf']);
});

t.test('with a process, all that was open has ended', async (t) => {
  const life = new DeviceLife();
  t.same(life.follow({ process: 1, calls: [call('dev_conf')] }), []);
  t.notOk(life.isClosed);
  t.same(life.follow({ process: 2, calls: [] }), []);
  t.ok(life.isClosed);
  t.same(life.follow({ process: 2, calls: [call('dev_conf', { process: 2 })] }), []);
  t.equal(life.takeOpen().length, 1);
  t.ok(life.isClosed, 'told once');
});
