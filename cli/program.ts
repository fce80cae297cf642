import { Command, CommanderError } from 'commander';
import { addCertifyCommand, addCountersignCommand, addVerifyCommand } from './certificates/certificate-commands.ts';
import { addCompareCommand } from './compare-command.ts';
import { addDoctorCommand } from './doctor/doctor-command.ts';
import { addFuzzCommand } from './fuzz/fuzz-command.ts';
import { addFuzzWorkerCommand } from './fuzz/fuzz-worker-command.ts';
import { addMinimizeCommand } from './fuzz/minimize-command.ts';
import { addReplayCommand } from './fuzz/replay-command.ts';
import { addGuestCommand } from './guest/guest-command.ts';
import { addListCommand } from './list-command.ts';
import { addNewCommand } from './new/new-command.ts';
import { addObserveCommand } from './observe/observe-command.ts';
import { oneLine } from './one-line.ts';
import { addReportCommand } from './report-command.ts';
import { addRunOptions } from './run-options.ts';
import type { RunOptions } from './run-request.ts';
import { suiteVersion } from './suite-version.ts';
import { addTraceCommand } from './trace-command.ts';

const examples = `
Examples:
  vhost-conformance run reference                           judge our own reference back-end
  vhost-conformance run qemu-storage-daemon dpdk-testpmd    start and judge two real back-ends
  vhost-conformance run vhost-user:/run/my.sock             judge what is served at a socket
  vhost-conformance run --exec './my-backend -s {socket}' --device net
  vhost-conformance run reference --case 'virtio/split-ring/*' --feature VIRTIO_F_EVENT_IDX
  vhost-conformance guest -- run kernel-vhost-mdev-net      judge a kernel module in a kernel of its own
  vhost-conformance fuzz qemu-storage-daemon --time 600     search for crashes, hangs, leaks and stray writes
  vhost-conformance observe --listen /tmp/blk.sock          judge the front-end that connects
  vhost-conformance doctor vfio-pci:0000:65:00.2            what is missing to judge this function
  vhost-conformance list requirements --json
  vhost-conformance report out-1 out-2 --out merged
  vhost-conformance compare old new --out changes           what broke, what was mended, what is new

Exit codes: 0 all as expected, 1 findings, 2 usage, an error of ours or missing results, 128 + n ended by signal n.`;

/** What a command does is loaded once its words ask for it: `--help` needs none of it. */
function program(setExitCode: (code: number) => void): Command {
  const command = new Command('vhost-conformance')
    .description(
      'Tells whether an implementation of vhost does what the specifications say, feature bit by feature bit.',
    )
    .version(suiteVersion())
    .addHelpText('after', examples)
    .showHelpAfterError(false)
    .configureOutput({ outputError: (text, write) => write(`vhost-conformance: ${oneLine(text)}\n`) })
    .exitOverride();
  addRunOptions(subcommand(command, 'run', 'judge targets and write records and reports')).action(
    async (names: string[], options: RunOptions) => {
      const { runOnThisKernel } = await import('./run-on-this-kernel.ts');
      setExitCode(await runOnThisKernel(names, options));
    },
  );
  addObserveCommand(
    subcommand(command, 'observe', 'serve the reference, and judge the front-end that connects'),
    setExitCode,
  );
  addDoctorCommand(
    subcommand(command, 'doctor', 'say what is missing on the way to a device, and what mends it'),
    setExitCode,
  );
  addListCommand(subcommand(command, 'list', 'print what there is'));
  addNewCommand(subcommand(command, 'new', 'begin a feature bit, a requirement, a case or a target'));
  addReportCommand(
    subcommand(command, 'report', 'make one report of several runs, or of the shards of one'),
    setExitCode,
  );
  addCompareCommand(subcommand(command, 'compare', 'tell what changed from one run to the next'), setExitCode);
  addTraceCommand(subcommand(command, 'trace', 'print the whole trace of a result, as text or for Wireshark'));
  addFuzzCommand(
    subcommand(command, 'fuzz', 'search for what crashes, hangs, leaks or writes where it must not'),
    setExitCode,
  );
  addFuzzWorkerCommand(
    subcommand(command, 'fuzz-worker', 'run slices of fuzz campaigns that come from a queue'),
    setExitCode,
  );
  addReplayCommand(subcommand(command, 'replay', 'run a program of the fuzzer, or print its text'), setExitCode);
  addMinimizeCommand(
    subcommand(command, 'minimize', 'make a program of the fuzzer as small as it can be'),
    setExitCode,
  );
  addGuestCommand(
    subcommand(command, 'guest', 'run it in a small virtual machine with a kernel of its own'),
    setExitCode,
  );
  addCertifyCommand(
    subcommand(command, 'certify', 'judge a device by the profiles of a claim, and sign what holds'),
    setExitCode,
  );
  addVerifyCommand(subcommand(command, 'verify', 'judge a certificate again, and print what it says'), setExitCode);
  addCountersignCommand(
    subcommand(command, 'countersign', "add a laboratory's signature to a certificate that is verified"),
  );
  return command;
}

/** A subcommand with the settings of its parent. */
function subcommand(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description);
}

/** Does what the words ask for and returns the exit code. @throws VhostConformanceError with one line. */
export async function main(words: readonly string[]): Promise<number> {
  let exitCode = 0;
  try {
    await program((code) => {
      exitCode = code;
    }).parseAsync([...words], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}
