import { breach, keptIf } from '../judgement.ts';
import type { DriverRequests } from './request-rules.ts';

export const entropyRequests: DriverRequests = {
  judge({ readableLength }, _queue, _features, _config, tell) {
    tell(
      'entropy/driver-places-no-readable-buffer',
      keptIf(readableLength === 0, () => breach('a buffer', 'nothing to read', `${readableLength} readable bytes`)),
    );
  },
};
