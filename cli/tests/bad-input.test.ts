import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { recordSchemaVersion } from '../../reports/record/record.ts';
import { emptyDirectory, run } from './command-line.ts';
import { refuses } from './refusal.ts';
import { sharedRun } from './shared-run.ts';

t.test('targets that are none', async (t) => {
  const cwd = emptyDirectory(t);
  await refuses(t, ['run', 'referense'], /referense: no such target \(did you mean reference\b/, cwd);
  await refuses(t, ['run', '/run/x.sock'], /\/run\/x\.sock: no such target; .* is vhost-user:\/run\/x\.sock$/m, cwd);
  await refuses(t, ['run', 'reference', '--feature', '29'], /at bit 29 (is|are) .*VIRTIO_F_EVENT_IDX/, cwd);
  await refuses(t, ['guest', 'run', 'x', '--dry-run'], /unknown option '--dry-run'.*guest -- run/, cwd);
  await refuses(t, ['run', 'vdpa-s*'], /vdpa-s\*: no target of this machine is called so/, cwd);
  await refuses(t, ['run', 'reference', 'reference*'], /^vhost-conformance: reference: named twice$/m, cwd);
  await refuses(t, ['run', 'x-y-z'], /x-y-z: no such target; there are reference, /, cwd);
  await refuses(t, ['run'], /no target: name one of reference/, cwd);
  await refuses(t, ['run', 'reference', 'reference'], /reference: named twice/, cwd);
  await refuses(t, ['run', 'vhost-user:'], /a path is missing/, cwd);
  await refuses(t, ['run', '--exec', 'no-such-command {socket}'], /no-such-command is missing/, cwd);
  await refuses(t, ['run', '--exec', 'sleep 1'], /write \{socket\} where its path belongs/, cwd);
  await refuses(t, ['run', '--exec', "sleep '{socket}"], /a quote or an escape is not closed/, cwd);
  await refuses(t, ['run', '--exec', 'cat {socket}'], /cat ended before its socket listened: exit code 1/, cwd);
  await refuses(t, ['run', '--target-file', 'none.json'], /none\.json: /, cwd);
  writeFileSync(join(cwd, 'bad.json'), '{"facts": 1}');
  await refuses(t, ['run', '--target-file', 'bad.json'], /bad\.json: facts: /, cwd);
});

t.test('pairs that are none', async (t) => {
  const cwd = emptyDirectory(t);
  const pair = (words: string): string[] => ['run', 'reference', '--pair', words];
  await refuses(t, pair('reference'), /--pair reference: say A=B, where A is a target of this run: reference$/m, cwd);
  await refuses(t, pair('reference-net=reference'), /say A=B, where A is a target of this run/, cwd);
  await refuses(t, pair('reference=referense'), /referense: no such target \(did you mean reference\b/, cwd);
  const twice = [...pair('reference=reference'), '--pair', 'reference=reference-net'];
  await refuses(t, twice, /reference has a pair already/, cwd);
});

t.test('mediated devices that there are not', async (t) => {
  const cwd = emptyDirectory(t);
  await refuses(t, ['run', 'mdev:net0'], /mdev:net0: net0 is not a UUID/, cwd);
  await refuses(t, ['run', 'mdve:net0'], /mdve:net0: no such target; there are .* and vfio-pci:ADDRESS$/m, cwd);
  const uuid = '3d5a8f0e-0000-4000-8000-000000000000';
  await refuses(t, ['run', `mdev:${uuid}?devise=net`], /devise is unknown \(did you mean device\?\)/, cwd);
  await refuses(t, ['run', `mdev:${uuid}?device=gpu`], /device: /, cwd);
  await refuses(
    t,
    ['run', `mdev:${uuid}?device=net`],
    /: (no module mdev is loaded|there is not a mediated device)/,
    cwd,
  );
});

t.test(
  'a target of a kernel module where that is not loaded',
  { skip: existsSync('/sys/module/vhost_mdev') && 'it is loaded' },
  async (t) => {
    const name = 'kernel-vhost-mdev-net';
    const line = /the module vhost_mdev is not loaded in this kernel; .*guest -- run kernel-vhost-mdev-net$/m;
    await refuses(t, ['run', name], line, emptyDirectory(t));
  },
);

t.test('vDPA devices that there are not', async (t) => {
  const cwd = emptyDirectory(t);
  await refuses(
    t,
    ['run', 'vhost-vdpa:/dev/vhost-vdpa-none'],
    /there is no \/dev\/vhost-vdpa-none: modprobe vhost_vdpa/,
    cwd,
  );
  await refuses(t, ['run', 'vhost-vdpa:/dev/null'], /vhost-vdpa:\/dev\/null: it is no vhost-vdpa device/, cwd);
  await refuses(t, ['guest', '--', 'run', 'vhost-vdpa:/dev/vhost-vdpa-0'], /say what device it will be/, cwd);
});

t.test(
  'a simulated vDPA device where no module makes it',
  { skip: existsSync('/sys/module/vdpa_sim_net') && 'it is loaded' },
  async (t) => {
    const line = /no management device vdpasim_net of vDPA; .*guest -- run vdpa-sim-net$/m;
    await refuses(t, ['run', 'vdpa-sim-net'], line, emptyDirectory(t));
  },
);

t.test('what is unknown or malformed on the command line', async (t) => {
  const cwd = emptyDirectory(t);
  const reference = ['run', 'reference'];
  await refuses(t, ['frobnicate'], /unknown command 'frobnicate'/, cwd);
  await refuses(t, ['rum'], /unknown command 'rum'.*Did you mean run\?/, cwd);
  await refuses(t, [...reference, '--frob'], /unknown option '--frob'/, cwd);
  await refuses(
    t,
    [...reference, '--case', 'virtio/split-rings'],
    /names no case \(did you mean virtio\/split-ring/,
    cwd,
  );
  await refuses(t, [...reference, '--case', 'zzz'], /--case zzz: names no case/, cwd);
  await refuses(
    t,
    [...reference, '--feature', 'VIRTIO_F_EVENT_IX'],
    /no such feature \(did you mean VIRTIO_F_EVENT_IDX\?\)/,
    cwd,
  );
  await refuses(t, [...reference, '--shard', '3/2'], /--shard/, cwd);
  await refuses(t, [...reference, '--repeat', '0'], /--repeat/, cwd);
  await refuses(t, [...reference, '--seed', '-1'], /--seed/, cwd);
  await refuses(t, [...reference, '--level', 'may'], /--level/, cwd);
  await refuses(t, [...reference, '--text', 'virtio-1.6'], /no such version of a text \(did you mean virtio-1\./, cwd);
  await refuses(t, [...reference, '--text', 'newst'], /\(did you mean newest\?\); known: newest, virtio-1\.0, /, cwd);
  await refuses(
    t,
    [...reference, '--text', 'virtio-1.1', '--text', 'virtio-1.2'],
    /--text: virtio-1\.1 and virtio-1\.2 are versions of one text/,
    cwd,
  );
  await refuses(t, [...reference, '--reporter', 'html,xml'], /xml is not a reporter/, cwd);
  await refuses(t, [...reference, '--point', 'x'], /--point wants exactly one case/, cwd);
  await refuses(
    t,
    [...reference, '--case', 'virtio/split-ring/used-idx-wraps-at-65536', '--point', 'x'],
    /used-idx-wraps-at-65536 is not a sweep and has no point x/,
    cwd,
  );
  await refuses(t, [...reference, '--expect', 'none.json'], /none\.json: cannot be read as expectations/, cwd);
  const entry = { target: 'reference', case: 'virtio/**', verdict: 'fail', reason: 'none', expires: '2030-01-01' };
  const expecting = async (value: unknown, line: RegExp): Promise<void> => {
    writeFileSync(join(cwd, 'expect.json'), JSON.stringify(value));
    await refuses(t, [...reference, '--expect', 'expect.json'], line, cwd);
  };
  await expecting({}, /expect\.json: is not a list of expectations: /);
  await expecting([entry, { ...entry, expires: '2030-13-41' }], /: entry 2, expires: is not a day as YYYY-MM-DD/);
  await expecting([{ ...entry, requirement: 'no/such' }], /expect\.json: no requirement is called no\/such/);
  writeFileSync(join(cwd, 'sound.json'), JSON.stringify([entry]));
  const two = [...reference, '--expect', 'sound.json', '--expect', 'expect.json'];
  await refuses(t, two, /expect\.json: no requirement is called no\/such/, cwd);
  await refuses(t, [...two, '--update-expectations'], /--update-expectations wants --expect FILE once/, cwd);
  mkdirSync(join(cwd, 'old'));
  const header = { runId: 'r', suite: { name: 'vhost-conformance', version: '0' }, catalogueHash: '0', seed: 1 };
  const old = {
    event: 'run',
    schema: recordSchemaVersion,
    ...header,
    shard: { index: 1, of: 1 },
    planHash: 'of another day',
    planned: 1,
    startedAt: '2026-01-01T00:00:00Z',
    command: ['vhost-conformance', 'run', 'reference'],
  };
  writeFileSync(join(cwd, 'old', 'results.jsonl'), `${JSON.stringify(old)}\n`);
  await refuses(t, ['run', '--resume', 'old'], /old: the plan of that run is another one/, cwd);
  await refuses(t, ['run', '--resume', 'nowhere'], /nowhere: holds no results of a run/, cwd);
  await refuses(t, ['report', 'nowhere', '--out', 'merged'], /nowhere: no such directory/, cwd);
  await refuses(t, ['list', 'things'], /Allowed choices are cases, requirements, features, targets/, cwd);
});

t.test('an addon that was not built is reported in one line', async (t) => {
  const cwd = emptyDirectory(t);
  const missing = { VHOST_CONFORMANCE_ADDON: '/nonexistent/addon.node' };
  const { code, stdout, stderr } = await run(['run', 'reference'], { cwd, environment: missing });
  t.same({ code, stdout }, { code: 2, stdout: '' });
  t.match(stderr, /^vhost-conformance: the native addon is missing .* run "npm run build:native"\n$/);
});

t.test('help and lists', async (t) => {
  const cwd = emptyDirectory(t);
  const help = await run(['--help'], { cwd });
  t.equal(help.code, 0);
  for (const word of ['run', 'list', 'report', 'compare', 'certify', 'guest', 'observe', 'Examples:', 'Exit codes:'])
    t.match(help.stdout, word);
  for (const subject of ['cases', 'requirements', 'features', 'targets']) {
    const { code, stdout } = await sharedRun(['list', subject, '--json'], { cwd });
    const rows: unknown = JSON.parse(stdout);
    t.equal(code, 0);
    t.ok(Array.isArray(rows) && rows.length > 3, `${subject}: one array`);
  }
  const dry = await sharedRun(['run', 'reference', '--dry-run', '--case', 'virtio/split-ring'], { cwd });
  t.equal(dry.code, 0);
  t.match(dry.stdout, /^reference: \d+ results, \d+ not applicable/);
  t.notOk(existsSync(join(cwd, 'vhost-conformance-out')), 'a dry run makes nothing');
});
