import { catalogueHash } from '../../reference-impl/catalogue/catalogue.ts';
import { suiteVersion } from '../suite-version.ts';

/** What decides how programs are read and judged: both ends of a queue have to be the same. */
export const suiteIdentity = (): string => `${suiteVersion()}, catalogue ${catalogueHash()}`;
