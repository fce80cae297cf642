import t from 'tap';
import { requirementOf } from '../catalogue/catalogue.ts';
import { faultNames, faults, withFaults } from '../faults/faults.ts';
import { referenceRules } from '../vhost-user/reference-rules.ts';

t.test('every fault changes the rules, and leaves those of the reference alone', async (t) => {
  const before = { ...referenceRules };
  for (const name of faultNames) {
    const { requirement, text, apply } = faults[name];
    const changed = apply(referenceRules);
    const areas = Object.keys(before).filter((area) => Reflect.get(changed, area) !== Reflect.get(before, area));
    t.ok(areas.length > 0, `${name} changes something`);
    t.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/, `${name} is in kebab case`);
    t.ok(requirementOf(requirement).text.length > 0, `${name} breaks a requirement`);
    t.notMatch(text, /\.$/, `${name} has a text without a full stop`);
  }
  t.strictSame({ ...referenceRules }, before);
});

t.test('faults add up', async (t) => {
  const rules = withFaults(referenceRules, ['reply-with-version-2', 'reply-without-reply-flag']);
  t.equal(rules.reply.replyFlags(1), 2);
});

t.test('texts tell faults apart', async (t) => {
  const texts = faultNames.map((name) => faults[name].text);
  t.equal(new Set(texts).size, texts.length);
});
