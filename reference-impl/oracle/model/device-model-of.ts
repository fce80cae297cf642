import { MAC_SIZE, netConfig } from '../../devices/net-layout.ts';
import { BlockModel } from './block-model.ts';
import type { ConfigurationModel } from './configuration-model.ts';
import { type DeviceModel, UnknownDeviceModel } from './device-model.ts';
import { EntropyModel } from './entropy-model.ts';
import { FsModel } from './fs-model.ts';
import type { LibertyName } from './liberties.ts';
import type { ModelTarget } from './model-target.ts';
import { NetModel } from './net-model.ts';
import type { Tell } from './observation.ts';
import { withSwappedMacs } from './received-packet.ts';
import { VsockModel } from './vsock-model.ts';

/** The model of what is behind the rings, by the type of device. */
export function deviceModelOf(
  target: ModelTarget,
  space: ConfigurationModel,
  tell: Tell,
  take: (liberty: LibertyName) => void,
): DeviceModel {
  const { device, capacity, configuration, reflects } = target;
  const isVhostUser = target.transport === 'vhost-user';
  switch (device) {
    case 'block':
      return new BlockModel({ tell, take, capacity, configuration });
    case 'net':
      return new NetModel({
        tell,
        take,
        reflected: reflects === undefined ? undefined : reflects === 'unchanged' ? (frame) => frame : withSwappedMacs,
        losesNone: target.judgesChoices === true && (isVhostUser || target.transport === 'vhost-vdpa'),
        pairs: target.pairs,
        mayLackTranslations: isVhostUser,
        addressMayChange: () => space.forget(netConfig.mac, MAC_SIZE),
        addressSet: (mac) => space.wrote(netConfig.mac, mac, 'net/config-mac-updated-before-used'),
      });
    case 'entropy':
      return new EntropyModel({ tell, take });
    case 'fs':
      return new FsModel({ tell, take, configuration, isWhole: target.judgesChoices === true });
    case 'vsock':
      return new VsockModel({
        tell,
        take,
        configuration,
        echoPort: target.echoPort,
        isPrompt: target.judgesChoices === true,
      });
    default:
      return new UnknownDeviceModel({ tell, take });
  }
}
