import { readlinkSync, unlinkSync } from 'node:fs';
import { closeFd, peerCredentials, takeBusErrors, unixListen } from '../../drivers/native/native.ts';
import { ObservedConnection } from '../../drivers/reference/observed-connection.ts';
import { ReferenceBackEnd } from '../../drivers/reference/reference-back-end.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import { NetDevice } from '../../reference-impl/devices/net-device.ts';
import type { SharedDevice } from '../../reference-impl/devices/reference-devices.ts';
import type { ObservedEvent } from '../../reference-impl/observations/event.ts';
import type { Breach } from '../../reference-impl/oracle/observed/judgement.ts';
import { Observations } from '../../reference-impl/oracle/observed/observations.ts';
import { type ReferenceRules, referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { counted } from '../counted.ts';

/** Events that are kept before a breach and behind it. */
const eventsBefore = 400;
const eventsBehind = 24;
/** Connections whose begin and end are said. */
const connectionsSaid = 10;

/** The first breach of a requirement, with the events around it. */
export interface KeptTrace {
  events: readonly ObservedEvent[];
  readonly dropped: number;
  /** Sequence number of the event at which it was seen. */
  readonly seq: number;
}

export interface SocketOptions {
  readonly name: string;
  readonly path: string;
  readonly device: SharedDevice;
  readonly queues: number;
  readonly sectors: number;
  /** Of a network device: what is done with a frame that is sent; it comes back without. */
  readonly sent?: (frame: Uint8Array) => void;
  readonly say: (line: string) => void;
}

/** The reference served at one socket, and all that was seen of those who connected. */
export class ObservedSocket {
  readonly name: string;
  readonly path: string;
  readonly observations: Observations;
  readonly traces = new Map<RequirementSlug, KeptTrace>();
  /** What the reference could not serve, and no requirement forbids. */
  readonly unexplained = new Set<string>();
  accepted = { features: 0n, protocolFeatures: 0n };
  program: string | undefined;
  readonly #options: SocketOptions;
  readonly #listener: number;
  readonly #backEnd: ReferenceBackEnd;
  #begun = 0;
  #present: ObservedConnection | undefined;

  /** @throws SystemCallError where the socket cannot be made. */
  constructor(options: SocketOptions) {
    const { name, path, device, queues, sectors, sent } = options;
    const rules = rulesWith(sent);
    this.name = name;
    this.path = path;
    this.#options = options;
    this.observations = new Observations((requirement, breach) => this.#breached(requirement, breach));
    this.#listener = unixListen(path);
    this.#backEnd = new ReferenceBackEnd({
      device,
      rules,
      queues,
      sectors,
      breakDown: () => {},
      observe: (served, fd) => {
        this.#begun++;
        this.program ??= programAt(fd);
        this.#sayOfConnection(`connection ${this.#begun}${this.program === undefined ? '' : ` of ${this.program}`}`);
        this.#present = new ObservedConnection({
          device: served,
          type: device,
          rules,
          tell: this.observations.tell,
          unexplained: ({ request, why }) => this.#couldNotServe(`${request}: ${why}`),
          ended: (connection) => this.#ended(connection),
        });
        return this.#present;
      },
    });
    this.#backEnd.listenOn(this.#listener);
  }

  get connectionsBegun(): number {
    return this.#begun;
  }

  get connectionsEnded(): number {
    return this.#backEnd.connectionsEnded;
  }

  /** A frame comes for a network device. */
  deliver(frame: Uint8Array): void {
    const { device } = this.#backEnd;
    if (device instanceof NetDevice) device.deliver(frame);
  }

  turn(timeoutUs: number): boolean {
    const progressed = this.#backEnd.turn(timeoutUs);
    if (takeBusErrors() > 0) {
      this.#couldNotServe('shared memory: an access met no page, because the file was made shorter');
      this.#backEnd.endConnection();
    }
    return progressed;
  }

  /** Ends a connection that is open, and gives the socket back. */
  close(): void {
    this.#backEnd.close();
    closeFd(this.#listener);
    unlinkSync(this.path);
  }

  #breached(requirement: RequirementSlug, { what, expected, actual }: Breach): void {
    this.#options.say(`${this.name}: ${requirement}: ${what}: expected ${expected}; got: ${actual}`);
    const log = this.#present?.log;
    if (log === undefined || this.traces.has(requirement)) return;
    const events = log.events();
    const kept = events.slice(-eventsBefore);
    this.traces.set(requirement, {
      events: kept,
      dropped: log.dropped + events.length - kept.length,
      seq: Math.max(0, log.next - 1),
    });
  }

  /** A front-end that connects again and again is not to bury what is found. */
  #sayOfConnection(line: string): void {
    if (this.#begun <= connectionsSaid) this.#options.say(`${this.name}: ${line}`);
  }

  #couldNotServe(what: string): void {
    if (!this.unexplained.has(what)) this.#options.say(`${this.name}: not served by the reference: ${what}`);
    this.unexplained.add(what);
  }

  #ended(connection: ObservedConnection): void {
    const { features, protocolFeatures } = connection.accepted;
    this.accepted = {
      features: this.accepted.features | features,
      protocolFeatures: this.accepted.protocolFeatures | protocolFeatures,
    };
    const events = connection.log.events();
    for (const trace of this.traces.values()) {
      const last = trace.events.at(-1)?.seq;
      if (last !== trace.seq) continue;
      trace.events = [...trace.events, ...events.filter(({ seq }) => seq > last && seq <= last + eventsBehind)];
    }
    const { messages, kicks } = connection;
    this.#options.say(
      `${this.name}: the connection ended, after ${counted(messages, 'message')}, ${counted(kicks, 'kick')}`,
    );
  }
}

function rulesWith(sent: SocketOptions['sent']): ReferenceRules {
  if (sent === undefined) return referenceRules;
  const reflect = (frame: Uint8Array): readonly Uint8Array[] => {
    sent(frame);
    return [];
  };
  return { ...referenceRules, net: { ...referenceRules.net, reflect } };
}

/** The program at the other end, as far as /proc tells. */
function programAt(fd: number): string | undefined {
  const { pid } = peerCredentials(fd);
  if (pid <= 0) return undefined;
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}
