import { writeFileSync } from 'node:fs';
import { countersignedBundle } from '../../certificates/bundle.ts';
import { CertificateError } from '../../certificates/certificate-error.ts';
import { privateKeyOf, publicHalf } from '../../certificates/keys.ts';
import { print } from '../terminal.ts';
import type { CountersignOptions } from './certificate-options.ts';
import { givenFile, givenKeys, givenText } from './given-files.ts';
import { verifiedBundle } from './verified-bundle.ts';

/** `countersign`: a bundle that is verified gets the signature of a laboratory. @throws UsageError, CertificateError */
export async function countersign(file: string, options: CountersignOptions): Promise<void> {
  const key = privateKeyOf(options.key, givenText(options.key));
  const trust = { vendors: givenKeys(options.trust), laboratories: [publicHalf(key)] };
  const { bundle, problems } = await verifiedBundle(givenFile(file), trust);
  const [problem] = problems;
  if (problem !== undefined) throw new CertificateError(`${file}: is no certificate: ${problem}`);
  writeFileSync(options.out, await countersignedBundle(bundle, key), { flag: 'wx' });
  print(`Countersigned: ${options.out}`);
}
