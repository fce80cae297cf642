import { openBundle, type Trust } from '../../certificates/bundle.ts';
import { type Verification, verified } from '../../certificates/verification.ts';
import { suiteFacts } from './suite-facts.ts';
import { withUnpackedRun } from './unpacked-run.ts';

/** Opens and judges a bundle. @param today by which it expires: a day, as in 2027-06-30. */
export async function verifiedBundle(archive: Buffer, trust: Trust, today = thisDay()): Promise<Verification> {
  const bundle = await openBundle(archive, trust);
  return withUnpackedRun(bundle.files, (root) => verified(bundle, root, suiteFacts(), today));
}

const thisDay = (): string => new Date().toISOString().slice(0, 10);
