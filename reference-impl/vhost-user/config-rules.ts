import { vhostUserConfigFlags as configFlags } from '../wire/vhost-user-constants.ts';

/** A range of config space, as GET_CONFIG and SET_CONFIG name it. */
export interface ConfigRange {
  readonly offset: number;
  readonly size: number;
}

export interface ConfigRules {
  readonly acceptsFlags: (flags: number) => boolean;
  /** A write with these flags may change fields that a driver may only read. */
  readonly mayWriteReadOnly: (flags: number) => boolean;
  /** The range that a read or a write is carried out on, of what was named. */
  readonly rangeRead: (range: ConfigRange) => ConfigRange;
  readonly rangeWritten: (range: ConfigRange) => ConfigRange;
  /** What GET_CONFIG tells of the range, given what it really holds. */
  readonly told: (bytes: Uint8Array, range: ConfigRange) => Uint8Array;
  /** Where a reply says that its bytes come from, and how many they are. */
  readonly toldRange: (range: ConfigRange) => ConfigRange;
  /** Whether changes from outside are told. */
  readonly announcesChanges: boolean;
  /** Whether that is so while no ring runs, too. */
  readonly announcesWhileSuspended: boolean;
  /** The payload that says that config space could not be read. */
  readonly failure: (request: Uint8Array) => Uint8Array;
}

export const configRules: ConfigRules = {
  acceptsFlags: (flags) => flags === configFlags.writable || flags === configFlags.liveMigration,
  mayWriteReadOnly: (flags) => flags === configFlags.liveMigration,
  rangeRead: (range) => range,
  rangeWritten: (range) => range,
  told: (bytes) => bytes,
  toldRange: (range) => range,
  announcesChanges: true,
  announcesWhileSuspended: false,
  failure: () => new Uint8Array(0),
};
