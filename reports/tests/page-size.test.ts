import { join } from 'node:path';
import t from 'tap';
import { findingGroups } from '../findings.ts';
import { htmlReport } from '../html/html-report.ts';
import { mergeRuns } from '../merge-runs.ts';
import { writeSampleRun } from './sample-run.ts';

t.test('three targets with 300 results each and many findings make a page of a few megabytes', (t) => {
  const root = join(t.testdir(), 'run');
  writeSampleRun(root, { cases: 240, failing: 8 });
  const run = mergeRuns([root]);
  t.ok(run.results.length > 800, `${run.results.length} results`);
  const found = findingGroups(run).length;
  t.ok(found >= 60, `${found} findings`);
  const page = htmlReport(run);
  const cut = page.split('<article').filter((article) => article.includes('class="gap"'));
  t.ok(cut.length > 0);
  t.ok(
    cut.every((article) => /show all \d+ events as lines/.test(article)),
    'a trace that is cut can be seen whole',
  );
  const size = Buffer.byteLength(page);
  t.ok(size < 3 * 1024 * 1024, `${size} bytes`);
  t.end();
});
