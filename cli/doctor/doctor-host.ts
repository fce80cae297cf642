import { accessSync, constants } from 'node:fs';
import { release } from 'node:os';
import { findCommand } from '../../drivers/iut-process/target-version.ts';
import { type FoundUse, usesOf } from '../../drivers/pci/function-uses.ts';
import { type HostFiles, hostFiles } from '../../drivers/pci/host-files.ts';

/** What a check asks of this machine. */
export interface DoctorHost {
  readonly files: HostFiles;
  /** Of the kernel that runs. */
  readonly release: string;
  /** Whether this process may read and write a file. */
  isAccessible(path: string): boolean;
  hasCommand(name: string): boolean;
  usesOf(address: string): readonly FoundUse[];
}

export const doctorHost: DoctorHost = {
  files: hostFiles(),
  release: release(),
  isAccessible: (path) => {
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
  hasCommand: (name) => findCommand(name) !== undefined,
  usesOf: (address) => usesOf(address),
};
