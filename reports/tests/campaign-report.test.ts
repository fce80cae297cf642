import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { campaignReport, htmlReport } from '../html/html-report.ts';
import { mergeRuns } from '../merge-runs.ts';
import { isCampaignDirectory, readCampaign, readCampaignsOf, writeCampaignsOf } from '../record/campaign-directory.ts';
import { writeSampleCampaign } from './sample-campaign.ts';
import { writeSampleRun } from './sample-run.ts';

const buckets = [
  { name: 'crash-SIGSEGV-kick', what: 'the process ended by SIGSEGV', log: 'last words' },
  { name: 'crash-SIGABRT-stop', what: 'an end with <script>alert(1)</script> in it' },
];

t.test('a campaign is read with what its instances counted, its buckets in the order of their finding', (t) => {
  const root = t.testdir();
  writeSampleCampaign(root, buckets);
  mkdirSync(join(root, 'buckets', '.half.elsewhere.1.tmp'));
  const campaign = readCampaign(root);
  t.match(campaign, { target: 'my-back-end', corpus: 3, untriaged: ['hang-wait'], reached: [0, 8, 9] });
  t.strictSame(
    campaign.buckets.map(({ name, seenAgain }) => [name, seenAgain]),
    [
      ['crash-SIGABRT-stop', 0],
      ['crash-SIGSEGV-kick', 5],
    ],
  );
  t.match(campaign.buckets[1], { log: 'a stack\n\nlast words', program: 'r1 = kick\n', shown: 3, runs: 3 });
  t.end();
});

t.test('the page has each bucket with its rate, time, program, C program, log and command', (t) => {
  const root = t.testdir();
  writeSampleCampaign(root, buckets);
  const page = campaignReport([readCampaign(root)]);
  t.match(page, /<h1>2 buckets on 1 target<\/h1>/);
  t.match(page, /found after 30 s · 7 of 20 runs · seen again 0 times/);
  t.match(page, /found after 50 s · 3 of 3 runs · seen again 5 times/);
  t.match(page, /<span class="beyond">flaky<\/span>/);
  t.match(page, /r1 = kick/);
  t.match(page, /last words/);
  t.match(page, /return ("|&quot;)&lt;b(>|&gt;)("|&quot;) == 0;/);
  t.match(page, /replay crash-SIGSEGV-kick\/program\.pb my-back-end/);
  t.match(page, /2,000 programs, 33 per second/);
  t.match(page, /Never reached: 9 of 12 cells of call and state <span class="muted">1 call was never made/);
  t.match(page, /Not looked into, because the time was over: <code><bdi>hang-wait/);
  t.notMatch(page, /<script>alert/);
  t.end();
});

t.test('campaigns stand beside the results of a run, and outlive a merge', (t) => {
  const root = t.testdir();
  writeSampleCampaign(join(root, 'found'), buckets);
  writeSampleRun(join(root, 'run'), { cases: 4, failing: 1 });
  const campaigns = [readCampaign(join(root, 'found'))];
  const run = mergeRuns([join(root, 'run')]);
  writeCampaignsOf(join(root, 'run'), campaigns);
  t.strictSame(readCampaignsOf(join(root, 'run')), campaigns);
  const page = htmlReport(run, campaigns);
  t.match(page, /<a href="#fuzzing">Fuzzing<\/a>/);
  t.match(page, /id="bucket-0-1"/);
  t.notMatch(htmlReport(run), /Fuzzing|bucket-0/);
  t.end();
});

t.test('what is no campaign is refused with one line', (t) => {
  const root = t.testdir();
  t.notOk(isCampaignDirectory(root));
  writeSampleCampaign(root, buckets);
  t.ok(isCampaignDirectory(root));
  const finding = join(root, 'buckets', 'crash-SIGSEGV-kick', 'finding.json');
  writeFileSync(finding, '{ torn');
  t.throws(() => readCampaign(root), { message: `${finding}: is no JSON` });
  writeFileSync(finding, '{"kind":"crash"}');
  t.throws(() => readCampaign(root), { message: /finding\.json: is not of a campaign: what: / });
  rmSync(finding);
  t.equal(readCampaign(root).buckets.length, 1);
  writeFileSync(join(root, 'fuzz.json'), '[]');
  t.throws(() => readCampaignsOf(root), { message: /fuzz\.json: is not of a campaign/ });
  t.end();
});
