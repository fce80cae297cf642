/** A claim as a vendor writes it, before it is read. */
export const sampleClaim = (): Record<string, unknown> => ({
  schema: 1,
  applicant: { organisation: 'Example', contact: 'conformance@example.org' },
  device: {
    vendor: 'Example',
    name: 'NIC 100',
    type: 'net',
    versions: { hardware: 'A2' },
    firmware: { nic: '22.31.1014' },
    pciIds: ['1af4:1041'],
  },
  profiles: [{ id: 'vhost-vdpa', version: 1 }],
  transports: [{ transport: 'vhost-vdpa', target: 'nic', features: ['VIRTIO_F_VERSION_1'] }],
  exclusions: [{ feature: 'VIRTIO_F_RING_PACKED', reason: 'firmware 22.31 has it as a preview' }],
  waivers: [],
});
