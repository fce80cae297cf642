import t from 'tap';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { allCases } from '../../suites/all-cases.ts';
import { axesOf } from '../../suites/axes.ts';
import { variantsOf } from '../../suites/case.ts';
import { FaultyReference } from '../faulty-reference.ts';

/** Cases that read the reply. */
const readers: Partial<Record<FaultName, RegExp>> = {
  'get-config-reply-empty': /config|capacity|writeback/,
  'get-config-reply-of-four-bytes': /config|capacity|writeback/,
  'get-vring-base-reply-empty': /vring-base|each-own-reply/,
  'get-vring-base-reply-of-four-bytes': /vring-base|each-own-reply/,
  'get-queue-num-reply-of-four-bytes': /queue-num|ring-index/,
  'get-inflight-fd-reply-of-four-bytes': /vhost-user\/inflight\//,
};

/** What a case makes of a reply that is too short is a finding: it reads no byte that is not there. */
t.test('no case ends in an error at a reply that is too short', async (t) => {
  for (const [name, pattern] of Object.entries(readers)) {
    const reference = new FaultyReference('vhost-user', 'block', [name as FaultName]);
    const verdicts = allCases
      .filter(({ id }) => pattern.test(id))
      .flatMap((definition) => {
        const [axes] = axesOf(definition);
        const [variant] = variantsOf(definition);
        if (axes === undefined || variant === undefined || reference.missing(definition, axes).length > 0) return [];
        return [{ id: definition.id, verdict: reference.judge(definition, variant, axes, 1).verdict }];
      });
    reference.close();
    t.ok(
      verdicts.some(({ verdict }) => verdict === 'fail'),
      `${name} is seen by one of ${verdicts.length} cases`,
    );
    t.same(
      verdicts.filter(({ verdict }) => verdict === 'error'),
      [],
      name,
    );
  }
});
