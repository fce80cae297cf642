import { type DeviceRules, deviceRules } from '../devices/device-rules.ts';
import { type BackEndRules, backEndRules } from './back-end-rules.ts';

/** Every table that the reference over vhost-user reads: those of the session and those of devices. */
export interface ReferenceRules extends BackEndRules, DeviceRules {}

export const referenceRules: ReferenceRules = { ...backEndRules, ...deviceRules };
