import { type Command, InvalidArgumentError, Option } from 'commander';
import { redactions } from '../../certificates/redaction.ts';
import { addExecOptions } from '../exec-options.ts';
import { addHardwareOptions } from '../hardware-options.ts';
import { several } from '../several.ts';
import type { CertifyOptions, CountersignOptions, VerifyOptions } from './certificate-options.ts';

/** Gives a command the arguments and options of `certify`. */
export function addCertifyOptions(command: Command): Command {
  const named = addExecOptions(
    command.argument('[target...]', 'as of "run": every target that the claim names, and no other'),
  )
    .requiredOption('--claim <file>', 'what is claimed of the device (docs/CERTIFICATION.md)')
    .requiredOption('--key <file>', "the vendor's private key: ed25519 in PEM")
    .requiredOption('--out <file>', 'the bundle; attempts are kept beside it, in FILE.attempts.json')
    .option('--work <dir>', 'directory of the run (default: FILE.run)')
    .option('--repeat <n>', 'run each result so many times (default: as often as the profiles want)', counted)
    .option('--jobs <n>', 'judge so many instances of a target at once', counted, 1)
    .option('--seed <n>', 'seed of what is chosen at random', counted, 1)
    .option('--target-file <file>', 'also the target that this file describes (several allowed)', several, [])
    .addOption(new Option('--redact <what...>', 'leave it out of the bundle').choices(redactions).default([]));
  return addHardwareOptions(named);
}

export function addCertifyCommand(command: Command, setExitCode: (code: number) => void): void {
  addCertifyOptions(command).action(async (names: string[], options: CertifyOptions) => {
    const { certify } = await import('./certify.ts');
    setExitCode(await certify(names, options));
  });
}

export function addVerifyCommand(command: Command, setExitCode: (code: number) => void): void {
  command
    .argument('<file>', 'a bundle')
    .requiredOption('--trust <file>', "a vendor's public key in PEM: no key in the bundle counts", several, [])
    .option('--laboratory <file>', "a laboratory's public key (several allowed)", several, [])
    .option('--page <file>', 'write the page about it: HTML, one sheet of A4')
    .option('--claim <file>', 'the claim as it would be today: what changed asks for a new submission')
    .option('--kernel <release>', 'the kernel of today: another one asks for a new submission')
    .action(async (file: string, options: VerifyOptions) => {
      const { verify } = await import('./verify.ts');
      setExitCode(await verify(file, options));
    });
}

export function addCountersignCommand(command: Command): void {
  command
    .argument('<file>', 'a bundle, which is verified first')
    .requiredOption('--trust <file>', "the vendor's public key", several, [])
    .requiredOption('--key <file>', "the laboratory's private key: ed25519 in PEM")
    .requiredOption('--out <file>', 'the bundle with both signatures')
    .action(async (file: string, options: CountersignOptions) => {
      const { countersign } = await import('./countersign.ts');
      await countersign(file, options);
    });
}

function counted(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 10_000)
    throw new InvalidArgumentError('Not a number from 1 to 10000.');
  return value;
}
