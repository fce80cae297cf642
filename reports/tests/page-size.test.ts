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
  const size = Buffer.byteLength(htmlReport(run));
  t.ok(size < 4 * 1024 * 1024, `${size} bytes`);
  t.end();
});
