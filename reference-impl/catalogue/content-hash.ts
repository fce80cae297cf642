import { sha256 as digestOf } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import canonicalize from 'canonicalize';
import { CatalogueError } from '../errors.ts';

/** SHA-256 of text as UTF-8: lower-case hexadecimal, 64 characters. */
export function sha256(text: string): string {
  return bytesToHex(digestOf(utf8ToBytes(text)));
}

/**
 * JSON after RFC 8785, with sorted keys and no spaces: the same content gives the same text, however its file is laid out.
 *
 * @throws CatalogueError for what has no JSON: undefined, a function
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new CatalogueError('there is no JSON for what has no value');
  return text;
}
