import type { KernelDeath } from '../host-conversation.ts';

const timestamp = /^\[ *\d+\.\d+\] /;
const excerptBytes = 4000;

/** How the complaints of a kernel begin, the most telling first. */
const complaints: readonly { readonly begins: RegExp; readonly how: KernelDeath['how'] }[] = [
  { begins: /INFO: task .* blocked for more than/, how: 'hang' },
  { begins: /watchdog: BUG: soft lockup/, how: 'hang' },
  { begins: /rcu: INFO: .* stall/, how: 'hang' },
  { begins: /(?:BUG|WARNING): |Oops: |general protection fault|kernel BUG at|refcount_t: /, how: 'crash' },
  { begins: /Kernel panic - not syncing: /, how: 'crash' },
];

/**
 * What a console says of the end of its kernel.
 * @param console from the last sign of health to the end.
 */
export function kernelDeath(console: string): KernelDeath {
  const lines = console.split('\n').map((line) => line.replace(timestamp, '').trimEnd());
  const first = firstComplaint(lines);
  if (first === undefined) {
    const signature = 'the machine was reset, and its console says nothing of it';
    return { how: 'crash', signature, log: excerpt(lines.slice(-20)) };
  }
  const { at, how } = first;
  // Where it happened: BUG and WARNING tell it on their first line, or in the registers below.
  const where = lines.slice(at).find((line) => /^RIP: 0010:/.test(line));
  const what = lines[at] ?? '';
  const place = where === undefined ? '' : ` (${where.replace(/^RIP: 0010:/, 'at ')})`;
  const signature = place !== '' && !what.includes(' at ') ? `${what}${place}` : what;
  return { how, signature: withoutNumbers(signature), log: excerpt(lines.slice(at)) };
}

function firstComplaint(lines: readonly string[]): { at: number; how: KernelDeath['how'] } | undefined {
  for (const { begins, how } of complaints) {
    const at = lines.findIndex((line) => begins.test(line));
    if (at !== -1) return { at, how };
  }
  return undefined;
}

/** Without what differs from boot to boot: process ids, and seconds that something took. */
function withoutNumbers(line: string): string {
  return line
    .replace(/ PID: \d+/g, '')
    .replace(/(task \S+):\d+/, '$1')
    .replace(/stuck for \d+s!/, 'stuck!')
    .replace(/\[(\S+):\d+\]/, '[$1]');
}

function excerpt(lines: readonly string[]): string {
  return lines.join('\n').slice(0, excerptBytes).trimEnd();
}
