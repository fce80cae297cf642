import { openBundle, type Trust } from '../../certificates/bundle.ts';
import { type Verification, verified } from '../../certificates/verification.ts';
import { suiteFacts } from './suite-facts.ts';
import { withUnpackedRun } from './unpacked-run.ts';

/** Opens and judges a bundle. */
export async function verifiedBundle(archive: Buffer, trust: Trust): Promise<Verification> {
  const bundle = await openBundle(archive, trust);
  const today = new Date().toISOString().slice(0, 10);
  return withUnpackedRun(bundle.files, (root) => verified(bundle, root, suiteFacts(), today));
}
