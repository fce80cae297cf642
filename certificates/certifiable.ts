import {
  allSources,
  isBeyondText,
  type Requirement,
  type Transport,
  textStandingOf,
} from '../reference-impl/catalogue/catalogue.ts';

/**
 * Whether a device can be asked for it by a certificate: the text demands it, of the device, in the chosen versions and
 * in every later one; it can be seen over the transport; and an implementation that is not ours has passed it.
 */
export function isCertifiable(
  requirement: Requirement,
  device: string,
  transport: Transport,
  texts: readonly string[],
): boolean {
  const { area, binds, server, level, basis, observable, via, untested, unwitnessed } = requirement;
  if (unwitnessed || untested !== undefined || observable === 'no') return false;
  if (isBeyondText(basis) || (level !== 'MUST' && level !== 'MUST NOT')) return false;
  // What the kernel does for every vDPA device is not the vendor's.
  if (binds === 'driver' || binds === 'front-end' || server[transport] === 'vhost-core') return false;
  if (!via.includes(transport)) return false;
  const ofDevice = /^device\/(.+)$/.exec(area)?.[1];
  if (ofDevice !== undefined && ofDevice !== device) return false;
  return [texts, []].every((chosen) => textStandingOf(requirement, allSources(), chosen) === 'in-force');
}
