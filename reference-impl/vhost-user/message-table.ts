import type { MessageTable } from './message-rule.ts';
import { configMessages } from './messages/config-messages.ts';
import { cryptoMessages } from './messages/crypto-messages.ts';
import { deviceMessages } from './messages/device-messages.ts';
import { featureMessages } from './messages/feature-messages.ts';
import { inflightMessages } from './messages/inflight-messages.ts';
import { iotlbMessages } from './messages/iotlb-messages.ts';
import { logMessages } from './messages/log-messages.ts';
import { memoryMessages } from './messages/memory-messages.ts';
import { postcopyMessages } from './messages/postcopy-messages.ts';
import { sharingMessages } from './messages/sharing-messages.ts';
import { stateTransferMessages } from './messages/state-transfer-messages.ts';
import { vringMessages } from './messages/vring-messages.ts';

/** Every request of a front-end that this back-end knows. What is not here is refused. */
export const messageTable: MessageTable = [
  ...featureMessages,
  ...memoryMessages,
  ...iotlbMessages,
  ...vringMessages,
  ...configMessages,
  ...deviceMessages,
  ...cryptoMessages,
  ...logMessages,
  ...inflightMessages,
  ...stateTransferMessages,
  ...postcopyMessages,
  ...sharingMessages,
];
