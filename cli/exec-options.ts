import { type Command, Option } from 'commander';
import { deviceNames } from '../drivers/devices/device-names.ts';
import { several } from './several.ts';

/** Gives a command the options that name a back-end by its command line. */
export function addExecOptions(command: Command): Command {
  return command
    .option('--exec <command>', "also a back-end of one's own: a command line with {socket} where its path belongs")
    .option('--exec-directory <dir>', 'where --exec runs (default: here)')
    .option('--exec-env <name=value>', 'a variable of its environment (several allowed)', several, [])
    .option('--exec-file <name=bytes>', 'an empty file of that size, as {dir}/NAME (several allowed)', several, [])
    .addOption(new Option('--device <device>', 'what --exec serves').choices(deviceNames).default('block'));
}
