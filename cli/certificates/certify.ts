import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { ArchiveFiles } from '../../certificates/archive.ts';
import { type Attempt, attemptFile } from '../../certificates/attempts.ts';
import { runFolder, signedBundle } from '../../certificates/bundle.ts';
import { parsedJson } from '../../certificates/checked-file.ts';
import { type Claim, claimOf } from '../../certificates/claim.ts';
import { decide, isCertified } from '../../certificates/decision.ts';
import type { Environment, JudgingMachine } from '../../certificates/environment.ts';
import { privateKeyOf, publicHalf } from '../../certificates/keys.ts';
import { type Profile, profileOf } from '../../certificates/profile.ts';
import { redacted } from '../../certificates/redaction.ts';
import { sha256Of } from '../../certificates/statement.ts';
import { validUntil } from '../../certificates/validity.ts';
import { environmentProblems, refusalLines } from '../../certificates/verification.ts';
import type { Target } from '../../drivers/target.ts';
import { type MergedRun, mergeRuns } from '../../reports/merge-runs.ts';
import { replaceRunFile } from '../../reports/record/run-file.ts';
import { htmlReport } from '../../reports/reporters/html.ts';
import { visibleText } from '../../reports/visible-text.ts';
import { commandTarget } from '../command-target.ts';
import { addRunOptions } from '../run-options.ts';
import type { RunOptions } from '../run-request.ts';
import { targetsOf } from '../target-argument.ts';
import { print } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import type { CertifyOptions } from './certificate-options.ts';
import { givenText } from './given-files.ts';
import { type JudgingKernel, thisJudgingKernel } from './judging-kernel.ts';
import { suiteFacts } from './suite-facts.ts';
import { withUnpackedRun } from './unpacked-run.ts';
import { verifiedBundle } from './verified-bundle.ts';

const mostReasons = 20;
const endedBySignal = 128;

/**
 * `certify`: 0 with a bundle, 1 where the certificate is refused. @param kernel on which the device is judged.
 * @throws UsageError, CertificateError, RecordError
 */
export async function certify(
  names: readonly string[],
  options: CertifyOptions,
  kernel: JudgingKernel = thisJudgingKernel,
): Promise<number> {
  const claim = claimOf(options.claim, givenText(options.claim));
  const profiles = claim.profiles.map(profileOf);
  const key = privateKeyOf(options.key, givenText(options.key));
  const work = options.work ?? `${options.out}.run`;
  if (existsSync(options.out)) throw new UsageError(`--out ${options.out}: is there already`);
  const run = runOptionsOf(names, options, profiles, work);
  const targets = targetsOf(names, run, kernel.command).map(({ target }) => target);
  checkTargets(claim, targets);
  const { code, machine } = await kernel.judge(names, run, targets, claim.device.pciIds);
  if (code >= endedBySignal || machine === undefined) return code;
  const submission = new Submission(options, claim, profiles, machine, mergeRuns([work]), work);
  const reasons = submission.reasons();
  if (reasons.length > 0) return submission.refuse(reasons);
  const archive = await signedBundle(submission.files(), submission.predicate(), key);
  // What is signed has to stand for those who verify it, too.
  const { problems } = await verifiedBundle(archive, { vendors: [publicHalf(key)], laboratories: [] });
  if (problems.length > 0) return submission.refuse(problems);
  writeFileSync(options.out, archive, { flag: 'wx' });
  submission.keepAttempt('certified', []);
  print(`\nCertificate: ${options.out} (${archive.length} bytes, submission ${submission.predicate().attempt})`);
  return 0;
}

/** One run for a claim, and what comes of it. */
class Submission {
  readonly #options: CertifyOptions;
  readonly #claim: Claim;
  readonly #profiles: readonly Profile[];
  readonly #run: MergedRun;
  readonly #work: string;
  readonly #at = new Date().toISOString();
  readonly #environment: Environment;
  readonly #before: readonly Attempt[];

  constructor(
    options: CertifyOptions,
    claim: Claim,
    profiles: readonly Profile[],
    machine: JudgingMachine,
    run: MergedRun,
    work: string,
  ) {
    this.#options = options;
    this.#claim = claim;
    this.#profiles = profiles;
    this.#run = run;
    this.#work = work;
    const { suite, catalogueHash, seed } = run.facts;
    this.#environment = { schema: 1, suite: { ...suite }, catalogueHash, seed, ...machine };
    this.#before = attemptsIn(this.#attemptsPath);
  }

  /** Why it is no certificate; none where it is one. */
  reasons(): string[] {
    const day = this.#at.slice(0, 10);
    const decision = decide(this.#run, this.#claim, this.#profiles, day, suiteFacts().plan);
    return [
      ...environmentProblems(this.#environment, this.#run, this.#claim),
      ...(isCertified(decision) ? [] : refusalLines(decision)),
    ];
  }

  refuse(reasons: readonly string[]): 1 {
    this.keepAttempt('refused', reasons);
    print(`\nNo certificate: ${reasons.length} reasons`);
    for (const reason of reasons.slice(0, mostReasons)) print(`  ${visibleText(reason)}`);
    if (reasons.length > mostReasons) print(`  and ${reasons.length - mostReasons} more, in ${this.#attemptsPath}`);
    return 1;
  }

  keepAttempt(result: Attempt['result'], reasons: readonly string[]): void {
    replaceRunFile(
      this.#attemptsPath,
      jsonText({ schema: 1, attempts: [...this.#before, this.#attempt(result, reasons)] }),
    );
  }

  predicate(): Parameters<typeof signedBundle>[1] {
    const { suite, catalogueHash } = this.#run.facts;
    return {
      issuedAt: this.#at,
      validUntil: validUntil(this.#at.slice(0, 10), this.#profiles, this.#claim),
      suite: { ...suite, catalogueHash },
      attempt: this.#before.length + 1,
    };
  }

  files(): ArchiveFiles {
    const { serials, macAddresses: macs } = this.#claim.device;
    const { dmi } = this.#environment.machine;
    const known = { macs, serials: [...serials, dmi['product_serial'] ?? ''], hostNames: [hostname()] };
    const files = new Map([
      ['claim.json', Buffer.from(jsonText(this.#claim))],
      ['environment.json', Buffer.from(jsonText(this.#environment))],
      ...this.#profiles.map((profile) => [`profiles/${profile.id}.json`, Buffer.from(jsonText(profile))] as const),
      ...filesBelow(this.#work),
    ]);
    const cleaned = withReport(redacted(files, this.#options.redact, known));
    // The attempt names the claim as the bundle has it.
    const claim = cleaned.get('claim.json') ?? Buffer.alloc(0);
    const attempts = [...this.#before, { ...this.#attempt('certified', []), claim: sha256Of(claim) }];
    const told = redacted(
      new Map([['attempts.json', Buffer.from(jsonText({ schema: 1, attempts }))]]),
      this.#options.redact,
      known,
    );
    return new Map([...cleaned, ...told]);
  }

  #attempt(result: Attempt['result'], reasons: readonly string[]): Attempt {
    const { suite, catalogueHash } = this.#run.facts;
    return {
      at: this.#at,
      claim: sha256Of(jsonText(this.#claim)),
      suite: `${suite.name} ${suite.version}`,
      catalogueHash,
      runs: this.#run.targets.map(({ target, version, binaryHash }) => ({
        target,
        version,
        ...(binaryHash === undefined ? {} : { binaryHash }),
      })),
      result,
      reasons: [...reasons],
    };
  }

  get #attemptsPath(): string {
    return `${this.#options.out}.attempts.json`;
  }
}

/** The files with the report of what their run tells: bytes of its traces stand there as text. */
function withReport(files: ArchiveFiles): ArchiveFiles {
  const report = withUnpackedRun(files, (root) => htmlReport(mergeRuns([root]), []));
  return new Map([...files, [`${runFolder}report.html`, Buffer.from(report)]]);
}

const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

const attemptsIn = (path: string): readonly Attempt[] =>
  existsSync(path) ? parsedJson(path, readFileSync(path, 'utf8'), attemptFile).attempts : [];

/** A whole run: every result as often as is wanted, with all traces, by the texts of the profiles. */
function runOptionsOf(
  names: readonly string[],
  { repeat, jobs, seed, targetFile, exec, yes, despite, hostile, ...command }: CertifyOptions,
  profiles: readonly Profile[],
  work: string,
): RunOptions {
  const least = Math.max(...profiles.map(({ repetitions }) => repetitions));
  if (repeat !== undefined && repeat < least)
    throw new UsageError(`--repeat ${repeat}: the profiles want ${least} at least`);
  const texts = [...new Set(profiles.flatMap((profile) => profile.texts))];
  const run = addRunOptions(new Command('run')).exitOverride();
  const words = [
    ...names,
    ...targetFile.flatMap((file) => ['--target-file', file]),
    ...(exec === undefined ? [] : commandTarget(exec, command).words),
    ...texts.flatMap((text) => ['--text', text]),
    ...yes.flatMap((address) => ['--yes', address]),
    ...despite.flatMap((use) => ['--despite', use]),
    ...(hostile ? ['--hostile'] : []),
    ...['--traces', 'all', '--repeat', String(repeat ?? least), '--jobs', String(jobs), '--seed', String(seed)],
    ...['--out', work],
  ];
  run.parse(words, { from: 'user' });
  return run.opts<RunOptions>();
}

function checkTargets({ transports }: Claim, targets: readonly Target[]): void {
  const claimed = transports.map(({ target }) => target);
  const named = targets.map(({ facts }) => facts.name);
  const missing = claimed.find((name) => !named.includes(name));
  if (missing !== undefined) throw new UsageError(`${missing}: is a target of the claim; name it as well`);
  const other = named.find((name) => !claimed.includes(name));
  if (other !== undefined) throw new UsageError(`${other}: is no target of the claim`);
}

/** Records and traces of a run, by their names in a bundle. */
function filesBelow(work: string): [string, Buffer][] {
  const traces = existsSync(join(work, 'traces'))
    ? readdirSync(join(work, 'traces')).map((name) => `traces/${name}`)
    : [];
  const names = ['results.jsonl', 'plan.json', 'catalogue.json', ...traces];
  return names.map((name) => [`${runFolder}${name}`, readFileSync(join(work, name))]);
}
