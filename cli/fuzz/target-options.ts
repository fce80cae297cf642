import { type Command, InvalidArgumentError, Option } from 'commander';
import { deviceNames } from '../../drivers/devices/device-names.ts';

/** Gives a command the options that name a target which is not in the list. */
export function addTargetOptions(command: Command): Command {
  return command
    .option('--target-file <file>', 'the target that this file describes', (path: string) => [path])
    .option('--exec <command>', "a back-end of one's own: a command line with {socket} where its path belongs")
    .addOption(new Option('--device <device>', 'what --exec serves').choices(deviceNames).default('block'));
}

export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('Not a whole number above 0.');
  }
  return value;
}
