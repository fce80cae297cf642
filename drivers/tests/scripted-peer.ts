import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { MessageAssembler } from '../../reference-impl/wire/framing.ts';
import { closeFd, monotonicUs, receivedFdCount, receiveMessage, sendMessage, socketPair } from '../native/native.ts';
import type { IutExit } from '../port/port.ts';
import { deadlineIn } from '../session/deadline.ts';
import type { Carrier } from '../vhost-user/channel.ts';
import { SocketChannel } from '../vhost-user/socket-channel.ts';
import { type PortIut, VhostUserPort } from '../vhost-user/vhost-user-port.ts';

export interface PeerRequest {
  readonly request: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly descriptors: readonly number[];
}

/** A back-end of this process that does what a test says, over a real socket pair. */
export class ScriptedPeer implements Carrier {
  readonly requests: PeerRequest[] = [];
  /** Called for each request that came. */
  answer: (request: PeerRequest) => void = () => undefined;
  readonly #assembler = new MessageAssembler({ maximumPayload: 1 << 16 });
  readonly #descriptors = new Int32Array(253);
  readonly #result = new Int32Array(3);
  #fd = -1;

  connect(): ReturnType<Carrier['connect']> {
    const [near, far] = socketPair();
    this.close();
    this.#fd = far;
    return { kind: 'connected', channel: new SocketChannel(near) };
  }

  step(): boolean {
    if (this.#fd < 0) return false;
    // No more than the message in progress lacks: so its descriptors are its own.
    const wanted = this.#assembler.missingBytes;
    const at = this.#assembler.reserve(wanted);
    const { buffer } = this.#assembler;
    const received = receiveMessage(this.#fd, buffer, at, wanted, this.#descriptors, 0, this.#result);
    if (received <= 0) return false;
    this.#assembler.commit(received, Array.from(this.#descriptors.subarray(0, this.#result[receivedFdCount])));
    for (let frame = this.#assembler.next(); frame?.kind === 'frame'; frame = this.#assembler.next()) {
      const { request, flags, offset, length } = frame;
      const message = {
        request,
        flags,
        payload: frame.buffer.slice(offset + 12, offset + length),
        descriptors: [...frame.descriptors],
      };
      this.requests.push(message);
      this.answer(message);
    }
    return true;
  }

  sendBytes(bytes: Uint8Array, descriptors: readonly number[] = []): void {
    sendMessage(this.#fd, bytes, 0, bytes.length, Int32Array.from(descriptors), descriptors.length, deadlineIn(1000));
  }

  send(request: number, payload: Uint8Array, descriptors: readonly number[] = []): void {
    this.sendBytes(messageBytes(request, 5, payload), descriptors);
  }

  sendU64(request: number, value: bigint): void {
    this.send(request, new Uint8Array(BigUint64Array.of(value).buffer));
  }

  close(): void {
    if (this.#fd < 0) return;
    closeFd(this.#fd);
    this.#fd = -1;
    this.#assembler.reset();
    for (const { descriptors } of this.requests) for (const descriptor of descriptors) closeFd(descriptor);
    this.requests.length = 0;
  }
}

/** A whole message as bytes. */
export function messageBytes(request: number, flags: number, payload: Uint8Array, declaredSize?: number): Uint8Array {
  const bytes = new Uint8Array(12 + payload.length);
  bytes.set(new Uint8Array(Uint32Array.of(request, flags, declaredSize ?? payload.length).buffer));
  bytes.set(payload, 12);
  return bytes;
}

const inProcess: PortIut = {
  pidfd: -1,
  isAlive: () => true,
  exit: (): IutExit | undefined => undefined,
  isExiting: () => false,
  waitForExit: (): IutExit | undefined => undefined,
  cpuTimeMs: () => undefined,
  resources: () => undefined,
  identify: () => undefined,
  restart: () => undefined,
  close: () => undefined,
};

/** A port to a scripted peer. The test closes it. */
export function scriptedPort(peer: ScriptedPeer): VhostUserPort {
  return new VhostUserPort({
    facts: {
      name: 'scripted-peer',
      transport: 'vhost-user',
      device: 'block',
      identity: 'a scripted peer',
      version: '1',
      workload: { kind: 'block', queueIndex: 0, companions: [], sectors: 1 },
      capabilities: [],
      ownedBy: {},
      requiredFeatures: [],
      deadlineScale: 1,
    },
    carrier: peer,
    iut: inProcess,
    log: new EventLog(monotonicUs),
    deadlineMs: 500,
  });
}
