import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { CertificateError } from './certificate-error.ts';

/** A public key by which signatures are checked, and its name: the SHA-256 of its SubjectPublicKeyInfo. */
export interface PublicKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** @param name of the file, for messages. @throws CertificateError where it is no private key of ed25519 in PEM. */
export function privateKeyOf(name: string, pem: string): KeyObject {
  return ed25519(name, 'private', () => createPrivateKey(pem));
}

/** @param name of the file, for messages. @throws CertificateError where it is no public key of ed25519 in PEM. */
export function publicKeyOf(name: string, pem: string): PublicKey {
  // From a private key node derives the public one: nobody means that.
  if (pem.includes('PRIVATE KEY')) throw new CertificateError(`${name}: is a private key, and a public one is wanted`);
  return named(ed25519(name, 'public', () => createPublicKey(pem)));
}

export const publicHalf = (key: KeyObject): PublicKey => named(createPublicKey(key));

function named(key: KeyObject): PublicKey {
  const spki = key.export({ type: 'spki', format: 'der' });
  return { key, id: createHash('sha256').update(spki).digest('hex') };
}

function ed25519(name: string, half: 'private' | 'public', read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new CertificateError(`${name}: is no ${half} key in PEM`, { cause });
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new CertificateError(`${name}: is a key of ${key.asymmetricKeyType ?? 'no known kind'}, and ed25519 is wanted`);
}
