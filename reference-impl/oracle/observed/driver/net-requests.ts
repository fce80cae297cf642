import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import {
  isTransmitQueue,
  netConfig,
  netHeaderSize,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
} from '../../../devices/net-layout.ts';
import { gather } from '../../../memory/pieces.ts';
import type { Chain } from '../../../virtqueue/chain.ts';
import { breach, keptIf, type Tell } from '../judgement.ts';
import type { DriverRequests } from './request-rules.ts';

/** Bits of `flags` and values of `gso_type` in struct virtio_net_hdr (virtio 5.1.6). */
const NEEDS_CSUM = 1;
const DATA_VALID_AND_RSC_INFO = 6;
const GSO_NONE = 0;
const GSO_ECN = 0x80;
const HOST_ECN = 1n << 13n;

/** By `gso_type`: the feature that it needs, and the rule that says so. */
const segmentations: Readonly<Record<number, readonly [bigint, RequirementSlug]>> = {
  1: [1n << 11n, 'net/tx-tcpv4-needs-host-tso4'],
  3: [1n << 14n, 'net/tx-udp-needs-host-ufo'],
  4: [1n << 12n, 'net/tx-tcpv6-needs-host-tso6'],
  5: [1n << 56n, 'net/tx-udp-l4-needs-host-uso'],
};
const everySegmentation = Object.values(segmentations).reduce((bits, [feature]) => bits | feature, 0n);

/** Ethernet header with one VLAN tag, above the MTU. */
const linkBytes = 18;
/** The largest frame without segmentation, behind the header (virtio 5.1.6.3.1). */
const fullFrame = 1514;

interface Header {
  readonly flags: number;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
  readonly numBuffers: number | undefined;
}

function headerOf(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    flags: view.getUint8(0),
    gsoType: view.getUint8(1),
    gsoSize: view.getUint16(4, true),
    csumStart: view.getUint16(6, true),
    csumOffset: view.getUint16(8, true),
    numBuffers: bytes.length > 10 ? view.getUint16(10, true) : undefined,
  };
}

const what = 'the header of a packet that is sent';

function judgeSegmentation({ flags, gsoType, gsoSize }: Header, features: bigint, tell: Tell): void {
  const type = gsoType & ~GSO_ECN;
  const said = `gso_type ${gsoType}`;
  if ((features & everySegmentation) === 0n) {
    tell(
      'net/tx-gso-none-without-features',
      keptIf(gsoType === GSO_NONE, () => breach(what, 'gso_type 0', said)),
    );
  }
  if (type === GSO_NONE) return;
  const [feature, requirement] = segmentations[type] ?? [];
  if (feature !== undefined && requirement !== undefined) {
    tell(
      requirement,
      keptIf((features & feature) !== 0n, () => breach(what, 'another gso_type', said)),
    );
  }
  if ((gsoType & GSO_ECN) !== 0) {
    tell(
      'net/tx-ecn-needs-host-ecn',
      keptIf((features & HOST_ECN) !== 0n, () => breach(what, 'no ECN', said)),
    );
  }
  tell(
    'net/tx-segmentation-sets-needs-csum',
    keptIf((flags & NEEDS_CSUM) !== 0, () => breach(what, 'NEEDS_CSUM', said)),
  );
  tell(
    'net/tx-segmentation-sets-gso-size',
    keptIf(gsoSize > 0, () => breach(what, 'a gso_size', 'gso_size 0')),
  );
}

function judgeTransmit(chain: Chain, features: bigint, config: DataView, tell: Tell): void {
  const size = netHeaderSize(features);
  if (chain.readableLength < size) return;
  const header = headerOf(gather(chain.readable, 0, size));
  const { flags, numBuffers, csumStart, csumOffset } = header;
  if (numBuffers !== undefined) {
    tell(
      'net/tx-num-buffers-zero',
      keptIf(numBuffers === 0, () => breach(what, 'num_buffers 0', `${numBuffers}`)),
    );
  }
  tell(
    'net/tx-data-valid-and-rsc-info-clear',
    keptIf((flags & DATA_VALID_AND_RSC_INFO) === 0, () =>
      breach(what, 'DATA_VALID and RSC_INFO clear', `flags ${flags}`),
    ),
  );
  if ((features & VIRTIO_NET_F_CSUM) === 0n) {
    tell(
      'net/tx-flags-zero-without-csum',
      keptIf(flags === 0, () => breach(what, 'flags 0', `flags ${flags}`)),
    );
  }
  const frame = chain.readableLength - size;
  if ((flags & NEEDS_CSUM) !== 0) {
    const end = csumStart + csumOffset + 2;
    tell(
      'net/tx-checksum-offsets-describe-checksum',
      keptIf(end <= frame, () => breach(what, `a checksum within ${frame} bytes`, `it ends at ${end}`)),
    );
  }
  judgeSegmentation(header, features, tell);
  if ((features & VIRTIO_NET_F_MTU) === 0n || header.gsoType !== GSO_NONE) return;
  const most = config.getUint16(netConfig.mtu, true) + linkBytes;
  tell(
    'net/driver-transmits-within-mtu',
    keptIf(frame <= most, () => breach('a packet that is sent', `${most} bytes at most`, `${frame} bytes`)),
  );
}

/** The device offers no segmentation of what is received. */
function judgeReceive({ writableLength }: Chain, features: bigint, tell: Tell): void {
  const size = netHeaderSize(features);
  const room = `${writableLength} bytes`;
  if ((features & VIRTIO_NET_F_MRG_RXBUF) !== 0n) {
    tell(
      'net/driver-mergeable-buffers-hold-header',
      keptIf(writableLength >= size, () => breach('a receive buffer', `${size} bytes or more`, room)),
    );
    return;
  }
  const wanted = size + fullFrame;
  tell(
    'net/driver-posts-full-frame-receive-buffers',
    keptIf(writableLength >= wanted, () => breach('a receive buffer', `${wanted} bytes or more`, room)),
  );
}

export const netRequests: DriverRequests = {
  judge(chain, queue, features, config, tell) {
    if (isTransmitQueue(queue)) judgeTransmit(chain, features, config, tell);
    else judgeReceive(chain, features, tell);
  },
};
