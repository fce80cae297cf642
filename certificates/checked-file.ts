import { z } from 'zod';
import { inWords, issueWords } from '../reference-impl/schema-words.ts';
import { CertificateError } from './certificate-error.ts';

/** JSON text as the schema has it. @param name of the file, for messages. @throws CertificateError naming the field. */
export function parsedJson<Schema extends z.ZodType>(name: string, text: string, schema: Schema): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CertificateError(`${name}: is no JSON (${cause instanceof Error ? cause.message : String(cause)})`, {
      cause,
    });
  }
  const parsed = schema.safeParse(value, inWords);
  if (parsed.success) return parsed.data;
  throw new CertificateError(`${name}: ${issueWords(parsed.error.issues)}`);
}

/** A day, as in 2027-06-30. */
export const day = z.iso.date({ error: 'a day is wanted, as in 2027-06-30' });
/** Text that says something. */
export const words = z.string().trim().min(1, { error: 'is empty' });
