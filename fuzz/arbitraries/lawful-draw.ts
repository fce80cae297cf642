import fc from 'fast-check';
import { hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import type { Random } from '../mutators/random.ts';
import { type KnownTarget, pairsOf } from '../program/known-state.ts';
import { Lawfulness } from '../program/lawfulness.ts';
import type { Call, Program } from '../program/program.ts';
import { lawful } from '../program/verdict.ts';
import { fsProgram } from './fs-program.ts';
import { damagedProgram, lawfulProgram } from './lawful-program.ts';
import { mdevProgram } from './mdev-program.ts';
import { messageProgram } from './message-program.ts';
import { pciProgram } from './pci-program.ts';
import { isModelled } from './requests.ts';
import { vdpaProgram } from './vdpa-program.ts';
import { vsockProgram } from './vsock-program.ts';

/** Programs that are made at once. */
const batch = 32;

/** Programs for a target that a model judges, without end: most are lawful. The same numbers give the same programs. */
export class LawfulDraw {
  readonly #programs: fc.Arbitrary<Program> | undefined = undefined;
  #drawn: Program[] = [];

  constructor(target: KnownTarget) {
    const layouts: RingLayout[] = hasFeature(target.offer, 'VIRTIO_F_RING_PACKED', target)
      ? ['split', 'packed']
      : ['split'];
    const programs = layouts.flatMap((layout) => programsOf(target, layout));
    if (programs.length > 0) this.#programs = fc.oneof(...programs);
  }

  /** Undefined for a type of device whose requests are not modelled. */
  next(random: Random): Program | undefined {
    if (this.#programs === undefined) return undefined;
    if (this.#drawn.length === 0) {
      this.#drawn = fc.sample(this.#programs, { numRuns: batch, seed: random.next() | 0 });
    }
    return this.#drawn.pop();
  }
}

const often = (weight: number, arbitrary: fc.Arbitrary<Program>): fc.WeightedArbitrary<Program> => ({
  weight,
  arbitrary,
});

function programsOf(target: KnownTarget, layout: RingLayout): fc.WeightedArbitrary<Program>[] {
  const { device, offer, transport, queues = 0, memorySlots, sharedObjects = [], sockets } = target;
  if (transport === 'vhost-user' && device === 'fs') return [often(1, fsProgram({ layout, offer }))];
  if (transport === 'vhost-user' && sockets !== undefined) return [often(1, vsockProgram({ layout, offer }, sockets))];
  if (!isModelled(device)) return [];
  if (transport === 'virtio-pci') return [often(1, pciProgram({ device, layout, offer, queues }))];
  if (transport === 'vhost-vdpa') {
    const shape = { device, layout, offer, transport, pairs: pairsOf(target) ?? 1 };
    const served = lawfulProgram(shape);
    const damaged = damagedProgram(shape);
    return [often(3, vdpaProgram(offer)), often(3, served), often(1, damaged)];
  }
  if (transport !== 'vhost-mdev') {
    const shape = { device, layout, offer, queues, sharedObjects };
    return [
      often(3, lawfulProgram(shape)),
      often(2, damagedProgram(shape)),
      often(2, messageProgram({ device, offer, ...(memorySlots === undefined ? {} : { memorySlots }) })),
    ];
  }
  const served = lawfulProgram({ device, layout, offer, transport });
  return [
    often(1, mdevProgram({ offer, layout })),
    often(
      1,
      served.map((program) => untainted(program, target)),
    ),
  ];
}

/** The program without the calls on the device that end the judging of its rings. */
function untainted({ calls }: Program, target: KnownTarget): Program {
  const lawfulness = new Lawfulness({ ...target, keepsChoices: true });
  const kept: Call[] = [];
  for (const call of calls) {
    // A second open is refused.
    const isSecond = call.kind === 'connect' && call.beside;
    const { taints } = isSecond ? lawful : lawfulness.standingOf(call);
    const isOfDevice = call.kind === 'region-write' || call.kind === 'device-call' || call.kind === 'container-call';
    if (taints !== undefined && isOfDevice) lawfulness.refused();
    else kept.push(call);
  }
  return { calls: kept };
}
