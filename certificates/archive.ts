import { gunzipSync, gzipSync } from 'node:zlib';
import { extract, type Headers, pack } from 'tar-stream';
import { CertificateError } from './certificate-error.ts';

/** Files by their path in the archive. */
export type ArchiveFiles = ReadonlyMap<string, Buffer>;

const mebibyte = 1 << 20;
/** More than any run of the suite makes; what unpacks to more is no bundle. */
const mostPacked = 512 * mebibyte;
const mostUnpacked = 4 * 512 * mebibyte - 1;
const mostFiles = 100_000;
const mostOfFile = 512 * mebibyte;

/** Packs files so that equal files give equal bytes: sorted, without times and owners. */
export async function packed(files: ArchiveFiles): Promise<Buffer> {
  return gzipSync(await tarOf(files), { level: 6 });
}

async function tarOf(files: ArchiveFiles): Promise<Buffer> {
  const tar = pack();
  const whole = collected(tar);
  for (const name of [...files.keys()].sort()) {
    const content = files.get(name) as Buffer;
    tar.entry({ name, size: content.length, mode: 0o644, mtime: new Date(0), type: 'file' }, content);
  }
  tar.finalize();
  return await whole;
}

/**
 * The files of an archive that may come from a stranger. Names are taken only where `isName` knows them, so that none leads
 * out of a directory; links, other kinds of entries and names that come twice are refused, and so is all that `packed`
 * would have written otherwise: nothing is hidden in it.
 * @throws CertificateError in one line.
 */
export async function unpacked(archive: Buffer, isName: (name: string) => boolean): Promise<ArchiveFiles> {
  if (archive.length > mostPacked) throw new CertificateError(`the bundle has more than ${mostPacked} bytes`);
  const tar = decompressed(archive);
  const files = await entriesOf(tar, isName);
  const again = await tarOf(files);
  if (again.equals(tar)) return files;
  throw new CertificateError('the archive holds something beside its files, or is not packed as bundles are');
}

function decompressed(archive: Buffer): Buffer {
  let result: { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
  try {
    // With `info`, zlib also tells how much it read.
    result = gunzipSync(archive, { maxOutputLength: mostUnpacked, info: true }) as never;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CertificateError(`is no bundle: it cannot be decompressed (${reason})`, { cause });
  }
  const { buffer, engine } = result;
  // Magic, deflate, no flags, no time: a header with names or comments has flags.
  const isPlain = archive.subarray(0, 8).equals(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]));
  if (engine.bytesWritten !== archive.length || !isPlain) {
    throw new CertificateError('the archive holds something beside its files, or is not packed as bundles are');
  }
  return buffer;
}

function entriesOf(tar: Buffer, isName: (name: string) => boolean): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = extract();
  return new Promise((resolve, reject) => {
    const refuse = (message: string): void => {
      reader.destroy();
      reject(new CertificateError(message));
    };
    reader.on('entry', (header, stream, next) => {
      const problem = headerProblem(header, files, isName);
      if (problem !== undefined) return refuse(problem);
      collected(stream).then((content) => {
        files.set(header.name, content);
        next();
      }, reject);
    });
    reader.on('finish', () => resolve(files));
    reader.on('error', (error: Error) => reject(new CertificateError(`the archive cannot be read (${error.message})`)));
    reader.end(tar);
  });
}

function headerProblem(
  { name, type, size = 0 }: Headers,
  files: ReadonlyMap<string, Buffer>,
  isName: (name: string) => boolean,
): string | undefined {
  const shown = JSON.stringify(name.slice(0, 200));
  if (type !== 'file') return `the archive holds ${shown}, a ${type}: a bundle has files alone`;
  if (!isName(name)) return `the archive holds ${shown}, which no bundle has`;
  if (files.has(name)) return `the archive holds ${shown} twice`;
  if (size > mostOfFile) return `the archive holds ${shown} of ${size} bytes`;
  return files.size < mostFiles ? undefined : `the archive holds more than ${mostFiles} files`;
}

async function collected(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
