import t, { type Test } from 'tap';
import { requirementOf } from '../catalogue/catalogue.ts';
import { deviceRules } from '../devices/device-rules.ts';
import * as faultFiles from '../faults/fault-files.ts';
import {
  type FaultName,
  faultNames,
  faults,
  layerText,
  withDeviceFaults,
  withFaults,
  withMdevFaults,
  withPciFaults,
  withVdpaFaults,
  withVhostNetFaults,
} from '../faults/faults.ts';
import { mdevRuleTables } from '../vhost-mdev/mdev-rule-tables.ts';
import { mdevRulesL1, mdevRulesL2 } from '../vhost-mdev/mdev-rules.ts';
import { vhostNetRules } from '../vhost-net/vhost-net-rules.ts';
import { referenceRules } from '../vhost-user/reference-rules.ts';
import { vdpaRules } from '../vhost-vdpa/vdpa-rules.ts';
import { virtioPciRules } from '../virtio-pci/pci-rules.ts';

const isOfMdev = (name: FaultName): boolean => layerText(faults[name]) === 'transport vhost-mdev';
const isOfVdpa = (name: FaultName): boolean => layerText(faults[name]) === 'transport vhost-vdpa';
const isOfVhostNet = (name: FaultName): boolean => layerText(faults[name]) === 'transport vhost-kernel';
const isOfPci = (name: FaultName): boolean => layerText(faults[name]) === 'transport virtio-pci';
const ofVdpa = faultNames.filter(isOfVdpa);
const ofVhostNet = faultNames.filter(isOfVhostNet);
const ofPci = faultNames.filter(isOfPci);
const ofMdev = faultNames.filter(isOfMdev);
const ofDevice = faultNames.filter((name) => faults[name].layer !== 'transport');
const ofVhostUser = faultNames.filter((name) => layerText(faults[name]) === 'transport vhost-user');

/** The areas of the rules that `change` replaces; the rules themselves stay as they were. */
function replaced<Rules extends object>(t: Test, rules: Rules, change: (rules: Rules) => Rules): string[] {
  const before = { ...rules };
  const changed = change(rules);
  t.strictSame({ ...rules }, before);
  return Object.keys(before).filter((area) => Reflect.get(changed, area) !== Reflect.get(before, area));
}

t.test('every fault changes the rules of its layer', async (t) => {
  for (const name of ofDevice) {
    const areas = replaced(t, referenceRules, (rules) => withFaults(rules, [name]));
    t.ok(areas.length > 0, `${name} changes something`);
    t.same(
      areas.filter((area) => !Object.hasOwn(deviceRules, area)),
      [],
      `${name} changes what every transport shows`,
    );
  }
  for (const name of ofVhostUser) {
    t.ok(replaced(t, referenceRules, (rules) => withFaults(rules, [name])).length > 0, `${name} changes something`);
  }
  for (const name of ofVdpa) {
    t.ok(replaced(t, vdpaRules, (rules) => withVdpaFaults(rules, [name])).length > 0, `${name} changes something`);
  }
  for (const name of ofVhostNet) {
    const areas = replaced(t, vhostNetRules, (rules) => withVhostNetFaults(rules, [name]));
    t.ok(areas.length > 0, `${name} changes something`);
  }
  for (const name of ofPci) {
    t.ok(replaced(t, virtioPciRules, (rules) => withPciFaults(rules, [name])).length > 0, `${name} changes something`);
  }
  for (const [mode, table] of Object.entries(mdevRuleTables)) {
    for (const name of ofMdev) {
      const areas = replaced(t, table, (rules) => withMdevFaults(rules, [name]));
      t.ok(areas.length > 0, `${mode}: ${name} changes something`);
    }
  }
});

t.test('a fault stands in the folder of its layer', async (t) => {
  for (const [path, file] of Object.entries(faultFiles)) {
    for (const faultsOfFile of Object.values(file)) {
      for (const name of Object.keys(faultsOfFile) as FaultName[]) {
        const folder = layerText(faults[name]).replace(' ', '/');
        t.ok(path.startsWith(`${folder}/`), `${name} of ${path} is of the ${layerText(faults[name])}`);
      }
    }
  }
});

t.test('names and texts', async (t) => {
  t.equal(new Set(faultNames).size, faultNames.length, 'names are unique');
  t.ok(faultNames.length > 500, `${faultNames.length} faults`);
  const texts = new Set<string>();
  for (const name of faultNames) {
    const { requirement, text } = faults[name];
    t.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/, `${name} is in kebab case`);
    t.equal(name.startsWith('mdev-'), isOfMdev(name), `${name}: mdev- is for faults of vhost-mdev`);
    t.equal(name.startsWith('vdpa-'), isOfVdpa(name), `${name}: vdpa- is for faults of vhost-vdpa`);
    t.equal(name.startsWith('vhost-net-'), isOfVhostNet(name), `${name}: vhost-net- is for faults of vhost-net`);
    t.equal(name.startsWith('pci-'), isOfPci(name), `${name}: pci- is for faults of virtio-pci`);
    t.ok(requirementOf(requirement).text.length > 0, `${name} breaks a requirement`);
    if (isOfMdev(name)) t.notMatch(requirement, /^vu-/, `${name} breaks no requirement of vhost-user`);
    t.notMatch(text, /\.$/, `${name} has a text without a full stop`);
    const said = `${layerText(faults[name])}: ${text}`;
    t.notOk(texts.has(said), `${name} has a text of its own`);
    texts.add(said);
  }
});

t.test('faults add up', async (t) => {
  t.equal(withFaults(referenceRules, ['reply-with-version-2', 'reply-without-reply-flag']).reply.replyFlags(1), 2);
  for (const rules of [mdevRulesL1, mdevRulesL2]) {
    const changed = withMdevFaults(rules, ['mdev-answer-with-flags', 'mdev-unknown-call-succeeds']);
    t.equal(changed.channel.answerFlags, 1);
    t.equal(changed.calls.unknownCall, 0);
    t.equal(changed.messages, rules.messages);
  }
});

t.test('a fault of one transport is refused by another', async (t) => {
  t.throws(() => withFaults(referenceRules, ['mdev-answer-with-flags']), RangeError);
  t.throws(() => withMdevFaults(mdevRulesL2, ['reply-with-version-2']), RangeError);
  t.throws(() => withMdevFaults(mdevRulesL2, ['call-never']), RangeError);
  t.throws(() => withVdpaFaults(vdpaRules, ['mdev-answer-with-flags']), RangeError);
  t.throws(() => withVhostNetFaults(vhostNetRules, ['vdpa-opens-again']), RangeError);
  t.throws(() => withPciFaults(virtioPciRules, ['mdev-answer-with-flags']), RangeError);
  t.throws(() => withMdevFaults(mdevRulesL2, ['vdpa-opens-again']), RangeError);
  t.throws(() => withDeviceFaults(referenceRules, ['reply-with-version-2']), RangeError);
});
