/** What a target can do beyond the features that it offers. docs/TARGETS.md has the same sentences. */
export const capabilities = {
  'initial-base': 'a ring may start at any index',
  'packed-used-position': 'a packed ring may start with available and used positions that differ',
  restart: 'we can start it afresh',
  resources: 'the descriptors that it holds can be counted',
  'breaks-rings':
    'a ring that shows a chain which no driver may make is broken, and the chain is not used: cases on such chains look whether it keeps to that',
  'refuses-flaws':
    'a message with a flaw that the text lets a back-end bear is refused: cases on such messages look whether it keeps to that',
  'changes-config': 'its configuration can be changed from outside, as `start.changeConfig` says',
  'program-conventions':
    'its program takes --socket-path, --fd and --print-capabilities in place of the words of its start that tell of the socket',
  'host-notifiers': 'it registers a host notifier for each ring that runs: a case looks whether it keeps to that',
  'shared-mappings':
    'it maps something into its shared memory regions while a ring runs: a case looks whether it keeps to that',
  'layout-l1': 'a vhost-mdev in the layout of the first RFC',
  'layout-l2': 'a vhost-mdev in the layout of the second RFC',
  'address-spaces': 'a vhost-vdpa with more than one address space',
  doorbells: 'a vhost-vdpa whose doorbells can be mapped',
  'no-doorbell-pages': 'a vhost-vdpa whose doorbells have no pages of their own',
  'interrupt-pin': 'a virtio-pci function that has a pin for interrupts as well',
  'vendor-data': 'a virtio-pci function with a capability of vendor data',
  faithful: 'a vhost-mdev that keeps the mistakes of its text',
} as const;
export type Capability = keyof typeof capabilities;

export const isCapability = (name: string): name is Capability => Object.hasOwn(capabilities, name);
