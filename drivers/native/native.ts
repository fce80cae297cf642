/** The system calls that the drivers need. All synchronous; descriptors are numbers and close-on-exec. */
export * from './bus-error.ts';
export * from './device-file.ts';
export * from './eventfd.ts';
export * from './file.ts';
export * from './mapping.ts';
export * from './mutator.ts';
export * from './output-sink.ts';
export * from './packet.ts';
export * from './pin.ts';
export * from './poll.ts';
export * from './process.ts';
export * from './socket.ts';
export * from './userfault.ts';
export * from './wait-set.ts';
