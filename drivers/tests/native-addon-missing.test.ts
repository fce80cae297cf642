import { spawnSync } from 'node:child_process';
import t from 'tap';

t.test('without the addon, the error names the command that builds it', async (t) => {
  const nativeModule = new URL('../native/native.js', import.meta.url).href;
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', `await import('${nativeModule}')`],
    {
      env: { ...process.env, VHOST_CONFORMANCE_ADDON: '/nonexistent/addon.node' },
      encoding: 'utf8',
    },
  );
  t.equal(status, 1);
  t.match(
    stderr,
    /DriverUsageError: the native addon is missing \(\/nonexistent\/addon\.node\): run "npm run build:native"/,
  );
});
