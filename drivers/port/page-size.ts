import { readFileSync } from 'node:fs';

const AT_PAGESZ = 6n;
const usual = 4096;

/** Bytes of a page of this kernel, from the auxiliary vector that it starts every process with. */
export function kernelPageSize(): number {
  const vector = readFileSync('/proc/self/auxv');
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  }
  return usual;
}
