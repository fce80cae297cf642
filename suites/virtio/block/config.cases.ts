import { VIRTIO_BLK_S_OK } from '../../../drivers/devices/block-requests.ts';
import type { Session } from '../../../drivers/port/port.ts';
import { defineCase } from '../../case.ts';
import type { Check } from '../../check.ts';
import { configFrom, configOf } from '../device-parts.ts';
import { capacityFrom } from './disk-size.ts';
import { completed } from './range-requests.ts';

/** Configuration of the block device (virtio 5.2.4, 5.2.5). */

const applies = { start: 'negotiated', devices: ['block'], needs: ['device.config'] } as const;

const writebackAt = 32;
const unused0At = 33;
const unused1At = 57;
const zonedModelAt = 92;
/** Up to the end of unused1. */
const commonBytes = 60;
const sectorSize = 512;

/** Configuration up to the end of unused1, or up to that of unused0 where the device shows no more. */
function commonConfig(session: Session, check: Check): Uint8Array {
  const whole = configOf(session).read(0, commonBytes);
  // One that tells fewer bytes than both fields take is asked again, and fails there.
  return whole.kind === 'bytes' && whole.bytes.length > unused0At
    ? whole.bytes
    : configFrom(session, check, unused0At + 1);
}

export const capacity = defineCase({
  id: 'virtio/block/capacity-counts-512-byte-sectors',
  title: 'capacity counts all sectors that the disk is known to have, and the last of them holds data',
  proves: { 'blk/capacity-in-sectors': ['block-sector-of-1024-bytes', 'block-capacity-halved'] },
  applies,
  run({ session, driver, ring, requirement }) {
    const check = requirement('blk/capacity-in-sectors');
    const { block } = driver;
    const { disk = 0 } = block.facts;
    const sectors = Number(capacityFrom(session, check));
    const queue = driver.attach(ring({ size: 16 }));
    const sector = sectors - 1;
    if (sector < block.facts.sectors) {
      check.equal(driver.transfer(queue, { sector, bytes: sectorSize, seed: 8 }), undefined, `sector ${sector}`);
    } else {
      // Data at the end of a disk that is not ours is read alone.
      const read = completed(queue, block.read({ sector, bytes: sectorSize }));
      check.equal(read.status(), VIRTIO_BLK_S_OK, `status of a read of sector ${sector}`);
    }
    check.atLeast(sectors, disk, 'capacity, against the sectors that the disk is known to have');
  },
});

export const padding = defineCase({
  id: 'virtio/block/config-padding-is-zero',
  title: 'unused0 and unused1 of config space read as zero',
  proves: { 'blk/config-padding-zero': 'block-config-padding-filled' },
  applies: { ...applies, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('blk/config-padding-zero');
    const config = commonConfig(session, check);
    check.equal(config[unused0At], 0, 'unused0');
    for (let at = unused1At; at < Math.min(config.length, commonBytes); at++)
      check.equal(config[at], 0, `unused1, byte ${at}`);
  },
});

export const writeback = defineCase({
  id: 'virtio/block/writeback-is-zero-without-flush',
  title: 'with CONFIG_WCE and without FLUSH accepted, writeback starts at 0',
  proves: { 'blk/writeback-zero-without-flush': 'block-writeback-without-flush' },
  applies: {
    ring: 'none',
    ...applies,
    negotiate: ['VIRTIO_BLK_F_CONFIG_WCE'],
    without: ['VIRTIO_BLK_F_FLUSH'],
  },
  run({ session, requirement }) {
    const check = requirement('blk/writeback-zero-without-flush');
    check.equal(commonConfig(session, check)[writebackAt], 0, 'writeback');
  },
});

export const zoned = defineCase({
  id: 'virtio/block/zoned-is-offered-by-zoned-devices-only',
  title: 'where ZONED is offered, the zone model in config space is one',
  proves: { 'blk/non-zoned-does-not-offer-zoned': 'zoned-offered-by-plain-disk' },
  applies: { ...applies, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('blk/non-zoned-does-not-offer-zoned');
    const isOffered = (session.negotiated.offered.device >> 17n) & 1n;
    if (isOffered === 0n) {
      check.equal(isOffered, 0n, 'VIRTIO_BLK_F_ZONED offered');
      return;
    }
    const model = configFrom(session, check, zonedModelAt + 1)[zonedModelAt] ?? 0;
    check.oneOf(model, [1, 2], 'zone model of a device that offers ZONED (0: none)');
  },
});
