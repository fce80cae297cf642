import { join } from 'node:path';
import t from 'tap';
import { findingGroups } from '../findings.ts';
import { htmlReport } from '../html/html-report.ts';
import { type MergedRun, mergeRuns } from '../merge-runs.ts';
import { writeSampleRun } from './sample-run.ts';

const warning = /no independent implementation has passed this yet; the requirement itself may be wrong/g;

t.test('what no independent implementation passed says so in its row and beside its findings', async (t) => {
  const root = join(t.testdir(), 'run');
  writeSampleRun(root, { cases: 60, failing: 8 });
  const run = mergeRuns([root]);
  const [group] = findingGroups(run);
  const id = group?.finding.requirement ?? '';
  const marking = (isUnwitnessed: boolean): MergedRun => ({
    ...run,
    catalogue: {
      ...run.catalogue,
      requirements: run.catalogue.requirements.map((each) => ({
        ...each,
        unwitnessed: isUnwitnessed && each.id === id,
      })),
    },
  });
  const findings = findingGroups(run).filter(({ finding }) => finding.requirement === id).length;
  t.ok(findings > 0);
  t.equal(htmlReport(marking(false)).match(warning), null);
  const marked = htmlReport(marking(true));
  t.equal(marked.match(warning)?.length, 1 + findings, 'in what the row opens');
  t.equal(marked.match(/> unwitnessed</g)?.length, 1, 'in the row, in a word');
});
