/** A file or a directory of an initramfs. */
export interface InitramfsEntry {
  /** Without a leading slash. Directories come before what is in them. */
  readonly path: string;
  /** Absent for a directory. */
  readonly content?: Uint8Array;
  readonly isExecutable?: boolean;
}

const directoryMode = 0o040755;
const fileMode = 0o100644;
const executableMode = 0o100755;

/** The cpio archive (format newc) that a kernel unpacks as its first root file system. */
export function initramfs(entries: readonly InitramfsEntry[]): Buffer {
  const parts = entries.flatMap(({ path, content, isExecutable }, index) => {
    const mode = content === undefined ? directoryMode : isExecutable === true ? executableMode : fileMode;
    return member(index + 1, mode, path, content ?? new Uint8Array());
  });
  return Buffer.concat([...parts, ...member(0, 0, 'TRAILER!!!', new Uint8Array())]);
}

function member(inode: number, mode: number, path: string, content: Uint8Array): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  const links = mode === directoryMode ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.concat([Buffer.from(header), name])), padded(content)];
}

/** Header with name, and content, each end at a multiple of four bytes. */
function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
