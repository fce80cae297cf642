import { type Command, InvalidArgumentError, Option } from 'commander';
import { oneLine } from '../one-line.ts';
import { several } from '../several.ts';
import { accelerationNames } from './acceleration.ts';
import { defaultCachePath } from './cache-path.ts';
import type { GuestOptions } from './guest-options.ts';

/** Gives a command the arguments and options of `guest`. */
export function addGuestCommand(command: Command, setExitCode: (code: number) => void): void {
  command
    .configureOutput({
      outputError: (text, write) => {
        const hint = text.includes('unknown option') ? '; what "run" takes goes behind --: guest -- run …' : '';
        write(`vhost-conformance: ${oneLine(text)}${hint}\n`);
      },
    })
    .argument('[command...]', 'after --: "run" or "certify" with its targets and options')
    .option('--shell <command>', 'run this shell command in the guest, from the present directory')
    .option('--hardware-of <target>', 'with --shell: the hardware that this target has (several allowed)', several, [])
    .option('--drivers', "with --shell: load Linux's own drivers of virtio devices, and ext4", false)
    .option('--prepare', 'fetch and build what a guest needs, and boot none', false)
    .option(
      '--module-dir <dir>',
      'build and load this kernel module, instead of our own (several allowed)',
      several,
      [],
    )
    .option('--module-option <name=value>', 'a parameter of the modules (several allowed)', several, [])
    .option(
      '--at-boot <command>',
      'with run and certify: a shell command in the guest after each boot, to make devices',
    )
    .option('--kernel-option <word>', "a word for the kernel's command line (several allowed)", several, [])
    .option('--cache <dir>', `where the kernel is kept (default: ${defaultCachePath()})`)
    .option('--debian-mirror <url>', 'where the kernel is fetched from', 'http://deb.debian.org/debian')
    .addOption(new Option('--boot-limit <seconds>', 'until the guest is ready').argParser(seconds).default(60))
    .addOption(new Option('--accel <name>', "QEMU's accelerator").choices(accelerationNames).default('tcg'))
    .option('--console', "show the kernel's console on standard error", false)
    .action(async (words: string[], options: GuestOptions) => {
      const { workInGuest } = await import('./guest-work.ts');
      setExitCode(await workInGuest(words, options));
    });
}

function seconds(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('Not a number of seconds.');
  return Number(text);
}
