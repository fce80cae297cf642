import { type Command, InvalidArgumentError, Option } from 'commander';
import { sharedDeviceNames } from '../../reference-impl/devices/reference-devices.ts';
import { reporterNames, reportersOf } from '../reporter-names.ts';
import { several } from '../several.ts';
import { type ObserveOptions, observedSectors } from './observe-options.ts';

const help = `
The reference is served at the socket. Whoever connects is judged: the front-end by its messages, the driver behind it by
its rings and requests. A requirement passes only where its situation was seen. It ends with the last connection, after
--time, or at Ctrl-C.

Exit codes: 0 all as expected, 1 findings, 2 usage, no front-end, or something lawful that the reference did not serve.

Examples:
  vhost-conformance observe --listen /tmp/blk.sock
  vhost-conformance observe --listen /tmp/net.sock --device net --queues 2 --connections 3 --out observed
  vhost-conformance observe --listen split=/tmp/a.sock --listen packed=/tmp/b.sock --time 60`;

const numberWithin =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Not a number from ${least} to ${most}.`);
    }
    return value;
  };

export function addObserveCommand(command: Command, setExitCode: (code: number) => void): void {
  command
    .requiredOption(
      '--listen <[name=]path>',
      'the socket to serve, and how the report calls who connects (several allowed)',
      several,
      [],
    )
    .addOption(new Option('--device <device>', 'what is served').choices(sharedDeviceNames).default('block'))
    .option('--queues <n>', 'request queues, of net pairs of queues', numberWithin(1, 64))
    .option(
      '--sectors <n>',
      'capacity of a block device, in sectors of 512 bytes',
      numberWithin(8, 4_194_304),
      observedSectors,
    )
    .option(
      '--wire <a=b>',
      'frames of the network device A go to B, and those of B to A (several allowed; without, they come back)',
      several,
      [],
    )
    .option('--connections <n>', 'end after so many connections at each socket', numberWithin(1, 1_000_000), 1)
    .option('--time <s>', 'end after so many seconds', numberWithin(1, 86_400))
    .option(
      '--expect <file>',
      'known deviations: they do not fail, but their absence does (several allowed)',
      several,
      [],
    )
    .option('--text <version>', 'the version of a text to judge by ("list texts"; several allowed)', several, [])
    .option('--out <dir>', 'directory for results, traces and reports (default: vhost-conformance-out/...)')
    .option('--reporter <names>', `reports to write: ${reporterNames.join(',')}`, reportersOf, ['html'])
    .addHelpText('after', help)
    .action(async (options: ObserveOptions) => {
      const { observeFrontEnds } = await import('./observe-front-ends.ts');
      setExitCode(await observeFrontEnds(options));
    });
}
