import { type Command, InvalidArgumentError, Option } from 'commander';
import { type FunctionUse, functionUses } from '../drivers/pci/function-uses.ts';
import { several } from './several.ts';

const consentWords = Object.keys(functionUses) as FunctionUse[];

/** Gives a command the options that say what may be done to a PCI function of this machine. */
export function addHardwareOptions(command: Command): Command {
  return command
    .option('--yes <address>', 'take this PCI function from its driver for the run (several allowed)', several, [])
    .addOption(
      new Option('--despite <use>', 'take a function though its host uses it so (several allowed)')
        .choices(consentWords)
        .argParser((word: string, before: FunctionUse[]) => [...before, consentWord(word)])
        .default([]),
    )
    .option('--hostile', 'on hardware, also what no text says: it may hang or break the device', false);
}

function consentWord(word: string): FunctionUse {
  const known = consentWords.find((use) => use === word);
  if (known === undefined) throw new InvalidArgumentError(`Allowed choices are ${consentWords.join(', ')}.`);
  return known;
}
