import type { Command } from 'commander';
import type { TraceOptions } from './trace-options.ts';

export function addTraceCommand(command: Command): void {
  command
    .argument('<file>', 'a trace of a run: DIR/traces/NAME.pb, or DIR and --case KEY')
    .option('--case <key>', 'of a directory of a run, the trace of this result')
    .option('--text', 'print it as text (what is done without --pcap)', false)
    .option(
      '--pcap',
      'write it as pcapng for Wireshark and tshark: frames as Ethernet, messages under user link types',
      false,
    )
    .option('--out <file>', 'write it to this file (default: standard output)')
    .action(async (file: string, options: TraceOptions) => {
      const { printTrace } = await import('./print-trace.ts');
      printTrace(file, options);
    });
}
