import { type Transport, transports } from '../../reference-impl/catalogue/catalogue.ts';
import { type FeatureOwner, featuresAtBit } from '../../reference-impl/catalogue/features.ts';
import type { Annotation } from '../../reference-impl/wire/annotator.ts';

/** Whose feature bits a trace holds; undefined where the transport is none that is known. */
export function featureOwnerOf(
  target: { readonly transport: string; readonly device: string } | undefined,
): FeatureOwner | undefined {
  const transport = transports.find((one): one is Transport => one === target?.transport);
  return transport === undefined || target === undefined ? undefined : { transport, device: target.device };
}

/** Bits of a word of features that a device of that type names, by name: what a codec knows are common bits alone. */
export function withFeatureNames(
  annotations: readonly Annotation[],
  request: string,
  owner: FeatureOwner | undefined,
): readonly Annotation[] {
  if (owner === undefined || !isOfDeviceFeatures(request)) return annotations;
  return annotations.map((one) => {
    if (one.note === undefined || !/\bbit \d/.test(one.note)) return one;
    const note = one.note.replace(/\bbit (\d+)\b/g, (word, bit: string) => {
      return featuresAtBit(Number(bit), owner)[0]?.name ?? word;
    });
    return { ...one, note };
  });
}

export const isOfDeviceFeatures = (request: string): boolean => /^VHOST(_USER|_VDPA)?_[GS]ET_FEATURES/.test(request);
