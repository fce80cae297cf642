import { onMessage } from './vhost-user-fault.ts';

/** SET_FEATURES with those features left out that were not offered. */
export const acceptingAnyFeatures = onMessage('VHOST_USER_SET_FEATURES', (entry) => ({
  handle: (session, value, context) => {
    const { u64 } = value as { readonly u64: bigint };
    return entry.handle(session, { u64: u64 & session.offeredFeatures }, context);
  },
}));
