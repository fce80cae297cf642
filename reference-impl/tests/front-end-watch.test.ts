import t from 'tap';
import { allRequirements } from '../catalogue/catalogue.ts';
import { formRules } from '../oracle/observed/front-end/form-rules.ts';
import { messageRules } from '../oracle/observed/front-end/front-end-watch.ts';
import { brokenIn, judged, lawful, plain } from './observed-conversation.ts';
import { misbehaviours } from './observed-misbehaviours.ts';

const ruled = [...formRules, ...messageRules].map(({ requirement }) => requirement);

t.test('a lawful front-end breaks no rule', async (t) => {
  const all = judged(lawful);
  t.same(brokenIn(all), []);
  t.same(all.unexplained, []);
  t.ok((all.observations.of('vu-front-end/version-is-1')?.kept ?? 0) >= lawful.length);
  t.equal(all.observations.of('vu-front-end/removed-region-was-added'), undefined, 'what was not seen is not judged');
});

t.test('each rule is broken by a front-end that misbehaves in that one thing', async (t) => {
  t.same([...new Set(ruled)].sort(), Object.keys(misbehaviours).sort(), 'a misbehaviour for each rule');
  for (const [requirement, { messages, offer }] of Object.entries(misbehaviours)) {
    t.same(brokenIn(judged(messages, offer)), [requirement], requirement);
  }
});

t.test('whatever binds the front-end has a rule', async (t) => {
  const bound = allRequirements().filter(({ binds }) => binds === 'front-end');
  t.same(
    bound.map(({ slug }) => slug).filter((slug) => !ruled.includes(slug)),
    [],
  );
});

t.test('a refusal that no rule explains is told', async (t) => {
  const refused = (messages: Parameters<typeof judged>[0]): readonly string[] => judged(messages).unexplained;
  t.same(refused([...lawful, plain('VHOST_USER_RESET_DEVICE', { refusal: 'the reference will not' })]), [
    'VHOST_USER_RESET_DEVICE: the reference will not',
  ]);
  t.same(refused([{ name: 99, refusal: 'no such request' }]), []);
});
