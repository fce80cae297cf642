import t from 'tap';
import { requirementOf } from '../catalogue/catalogue.ts';
import { isFaultName } from '../faults/faults.ts';
import { mdevFaultNames, mdevFaults, withMdevFaults } from '../faults/mdev-faults.ts';
import { mdevRulesL1, mdevRulesL2, mdevRuleTables } from '../vhost-mdev/mdev-rules.ts';

t.test('every fault changes the rules of a layout, and leaves those of the reference alone', async (t) => {
  for (const [mode, rules] of Object.entries(mdevRuleTables)) {
    const before = { ...rules };
    for (const name of mdevFaultNames) {
      const changed = mdevFaults[name].apply(rules);
      const areas = Object.keys(before).filter((area) => Reflect.get(changed, area) !== Reflect.get(before, area));
      t.ok(areas.length > 0, `${mode}: ${name} changes something`);
    }
    t.strictSame({ ...rules }, before);
  }
});

t.test('names and texts', async (t) => {
  for (const name of mdevFaultNames) {
    const { requirement, text } = mdevFaults[name];
    t.match(name, /^mdev(-[a-z0-9]+)+$/, `${name} is in kebab case`);
    t.notOk(isFaultName(name), `${name} is a name of its own`);
    t.match(requirement, /^vm-/, `${name} breaks a requirement of vhost-mdev`);
    t.ok(requirementOf(requirement).text.length > 0);
    t.notMatch(text, /\.$/, `${name} has a text without a full stop`);
  }
  t.equal(new Set(mdevFaultNames.map((name) => mdevFaults[name].text)).size, mdevFaultNames.length);
});

t.test('faults add up, in each layout', async (t) => {
  for (const rules of [mdevRulesL1, mdevRulesL2]) {
    const changed = withMdevFaults(rules, ['mdev-answer-with-flags', 'mdev-unknown-call-succeeds']);
    t.equal(changed.channel.answerFlags, 1);
    t.equal(changed.calls.unknownCall, 0);
    t.equal(changed.messages, rules.messages);
  }
});
