import { type KeyObject, sign, verify } from 'node:crypto';
import { dsse } from '@sigstore/core';
import { z } from 'zod';
import { CertificateError } from './certificate-error.ts';
import { parsedJson } from './checked-file.ts';
import { type PublicKey, publicHalf } from './keys.ts';

/** Of a statement of in-toto in a DSSE envelope. */
const payloadType = 'application/vnd.in-toto+json';

/** Base64 in the one form that its bytes have. */
const base64 = z.string().refine((text) => Buffer.from(text, 'base64').toString('base64') === text, {
  error: 'is no base64',
});

const envelope = z.strictObject({
  payload: base64,
  payloadType: z.literal(payloadType),
  signatures: z
    .array(z.strictObject({ keyid: z.string().regex(/^[0-9a-f]{64}$/), sig: base64 }))
    .min(1)
    .max(16),
});
export type Envelope = z.infer<typeof envelope>;

/** @throws CertificateError for what is no envelope of a statement. */
export const envelopeOf = (name: string, text: string): Envelope => parsedJson(name, text, envelope);

export const envelopeText = (written: Envelope): string => `${JSON.stringify(written, undefined, 2)}\n`;

export const payloadOf = ({ payload }: Envelope): Buffer => Buffer.from(payload, 'base64');

export function signedEnvelope(payload: Buffer, key: KeyObject): Envelope {
  return countersigned({ payload: payload.toString('base64'), payloadType, signatures: [] }, key);
}

/** The envelope with one more signature. @throws CertificateError where that key signed it already. */
export function countersigned(before: Envelope, key: KeyObject): Envelope {
  const keyid = publicHalf(key).id;
  if (before.signatures.some((one) => one.keyid === keyid))
    throw new CertificateError('that key has signed it already');
  const sig = sign(null, signedBytes(before), key).toString('base64');
  return { ...before, signatures: [...before.signatures, { keyid, sig }] };
}

/** Whether a signature of the envelope is one of this key. What the envelope says of the key is not asked. */
export const isSignedBy = (written: Envelope, { key }: PublicKey): boolean =>
  written.signatures.some(({ sig }) => verify(null, signedBytes(written), key, Buffer.from(sig, 'base64')));

const signedBytes = (written: Pick<Envelope, 'payload' | 'payloadType'>): Buffer =>
  dsse.preAuthEncoding(written.payloadType, Buffer.from(written.payload, 'base64'));
