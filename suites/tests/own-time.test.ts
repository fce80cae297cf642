import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { axesOf } from '../axes.ts';
import { variantsOf } from '../case.ts';
import { judge } from '../runner/judge.ts';
import { flagCalls } from '../vhost-user/calls-after-changes.cases.ts';

t.test(
  'on a reference of this process a case passes however late it runs: no deadline passes while it works',
  async (t) => {
    const port = openReference({ device: 'entropy', deadlineMs: 0.001 });
    const contact = firstContact(port);
    if (contact.kind === 'not-served') throw new Error(contact.why);
    for (const axes of axesOf(flagCalls)) {
      for (const variant of variantsOf(flagCalls)) {
        const { verdict, findings, outcomes } = judge(port, flagCalls, variant, contact.offer, {
          seed: 1,
          axes,
          referenceMeetsDeadline: () => true,
        });
        port.releaseAll();
        t.equal(verdict, 'pass', JSON.stringify({ axes, variant, findings, outcomes }));
      }
    }
    port.close();
  },
);
