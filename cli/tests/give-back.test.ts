import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { hostFiles } from '../../drivers/pci/host-files.ts';
import { stateWords } from '../hardware/function-state.ts';

const script = fileURLToPath(new URL('../../../fixtures/hardware/give-back.sh', import.meta.url));
const address = '0000:65:00.2';

/** A host whose function vfio-pci has; what is written to it stands in its files. */
function host(root: string, { interfaces = ['eth3'] }: { readonly interfaces?: readonly string[] } = {}) {
  const path = (name: string): string => join(root, name);
  const file = (name: string, text: string): void => {
    mkdirSync(path(join(name, '..')), { recursive: true });
    writeFileSync(path(name), text);
  };
  file('sys/bus/pci/drivers/vfio-pci/unbind', '');
  file('sys/bus/pci/drivers/virtio-pci/bind', '');
  file(`sys/bus/pci/devices/${address}/driver_override`, 'vfio-pci\n');
  symlinkSync(path('sys/bus/pci/drivers/vfio-pci'), path(`sys/bus/pci/devices/${address}/driver`));
  for (const name of interfaces) file(`sys/class/net/${name}/mtu`, '1500\n');
  file('state/errors', '');
  file('bin/ip', `#!/bin/sh\necho "$*" >>${path('calls')}\ncase "$*" in *refused*) echo no; exit 1;; esac\n`);
  spawnSync('chmod', ['+x', path('bin/ip')]);
  file('calls', '');
  const read = (name: string): string => readFileSync(path(name), 'utf8');
  const environment = {
    ...process.env,
    VHOST_CONFORMANCE_SYS: path('sys'),
    PATH: `${path('bin')}:${process.env['PATH']}`,
  };
  return { path, read, environment };
}

t.test('a function is given back when standard input ends', async (t) => {
  const { path, read, environment } = host(t.testdir());
  const words = [path('state'), address, 'virtio-pci', '-', 'eth3', '1', '9000', '10.0.0.7/24,2001:db8::7/64'];
  const { status, stdout, stderr } = spawnSync('sh', [script, ...words], { env: environment, encoding: 'utf8' });
  t.equal(stderr, '');
  t.equal(status, 0);
  t.equal(stdout, 'ready\n');
  t.equal(read('sys/bus/pci/drivers/vfio-pci/unbind'), `${address}\n`);
  t.equal(read(`sys/bus/pci/devices/${address}/driver_override`), '\n');
  t.equal(read('sys/bus/pci/drivers/virtio-pci/bind'), `${address}\n`);
  t.same(read('calls').trim().split('\n'), [
    'link set eth3 mtu 9000',
    'link set eth3 up',
    'address replace 10.0.0.7/24 dev eth3',
    'address replace 2001:db8::7/64 dev eth3',
  ]);
  t.equal(existsSync(path('state')), false);
});

t.test('what it had of overrides comes back, and nothing is bound where it had no driver', async (t) => {
  const { path, read, environment } = host(t.testdir());
  spawnSync('sh', [script, path('state'), address, '-', 'other', 'eth3', '0', '1500', '-'], { env: environment });
  t.equal(read(`sys/bus/pci/devices/${address}/driver_override`), 'other\n');
  t.equal(read('sys/bus/pci/drivers/virtio-pci/bind'), '');
  t.equal(read('calls'), '', 'the interface is as it was');
});

t.test('what cannot be given back is told, and all else is done', async (t) => {
  const { path, read, environment } = host(t.testdir(), { interfaces: ['refused', 'eth3'] });
  const words = [path('state'), address, 'gone-driver', '-', 'refused', '1', '1500', '-', 'eth3', '1', '1500', '-'];
  const { status, stderr } = spawnSync('sh', [script, ...words], { env: environment, encoding: 'utf8' });
  t.equal(status, 1);
  t.match(stderr, /gone-driver\/bind does not take '0000:65:00\.2'\nip link set refused up: no\n/);
  t.match(read('calls'), /link set eth3 up/);
  t.ok(existsSync(path('state')));
});

t.test('a function that is gone', async (t) => {
  const { path, environment } = host(t.testdir());
  const { stderr } = spawnSync('sh', [script, path('state'), '0000:99:00.0', 'virtio-pci', '-'], {
    env: environment,
    encoding: 'utf8',
  });
  t.equal(stderr, '0000:99:00.0 is gone\n');
});

t.test('signals that end a session do not end it, and the death of its starter does', async (t) => {
  const { path, read, environment } = host(t.testdir());
  // It holds the other end, as the run does, and is killed.
  const holder = spawn('sleep', ['600'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const guardian = spawn('sh', [script, path('state'), address, 'virtio-pci', '-'], {
    env: environment,
    stdio: [holder.stdout, 'pipe', 'inherit'],
  });
  let said = '';
  guardian.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(() => said === 'ready\n');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) guardian.kill(signal);
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.equal(read('sys/bus/pci/drivers/virtio-pci/bind'), '', 'it waits');
  t.equal(guardian.exitCode, null);
  holder.kill('SIGKILL');
  await until(() => !existsSync(path('state')));
  t.equal(read('sys/bus/pci/drivers/virtio-pci/bind'), `${address}\n`);
});

t.test('how a function is found', async (t) => {
  const root = t.testdir();
  const device = `sys/devices/${address}`;
  for (const name of [`${device}/net/lo`, 'sys/bus/pci/devices', 'sys/class/net']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  writeFileSync(join(root, device, 'driver_override'), '(null)\n');
  writeFileSync(join(root, device, 'net/lo/flags'), '0x1003\n');
  writeFileSync(join(root, device, 'net/lo/mtu'), '9000\n');
  symlinkSync(join(root, device), join(root, `sys/bus/pci/devices/${address}`));
  symlinkSync(join(root, device, 'net/lo'), join(root, 'sys/class/net/lo'));
  const [found, driver, override, ...link] = stateWords(address, hostFiles(root));
  t.same([found, driver, override], [address, '-', '-']);
  t.match(link, ['lo', '1', '9000', /^127\.0\.0\.1\/8/]);
});

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 60_000) throw new Error('it does not come');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
