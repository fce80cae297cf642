import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { ownChild } from '../own-children.ts';
import { type Acceleration, accelerations } from './acceleration.ts';

/** What QEMU is to run. */
export interface MachineFiles {
  readonly acceleration: Acceleration;
  readonly kernel: string;
  readonly initramfs: string;
  /** Words for the kernel beside our own. */
  readonly kernelOptions: readonly string[];
  /** Words of QEMU for what is judged. */
  readonly hardware: readonly string[];
  /** Directories that the guest can write to, by the name under which it mounts them. */
  readonly shares: ReadonlyMap<string, string>;
}

/** Ports in the order of their numbers in the guest (/dev/vport0p1 …). */
const portNames = ['control', 'kill', 'input', 'messages', 'output'] as const;
export type PortName = (typeof portNames)[number];

const firstPortDescriptor = 3;
const memoryMegabytes = 2048;
const keptOfConsole = 1_000_000;
/** QEMU's exit code when the guest wrote 1 to its exit device. */
const exitByDevice = 3;

/** QEMU with its console and ports. It is killed when this process ends, also by SIGKILL. */
export class VirtualMachine {
  readonly #child: ChildProcess;
  #console = '';
  /** Characters of the console that are no longer kept. */
  #forgotten = 0;
  #errors = '';
  #isEnded = false;
  /** When QEMU is gone and all that it said has been read. */
  readonly ended: Promise<void>;

  constructor(qemu: string, files: MachineFiles, onConsole: (text: string) => void) {
    const words = qemuWords(files);
    // A shell between looks whether we live, in case we died before the signal at our death was asked for.
    const script = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"';
    const ports = portNames.map(() => 'pipe' as const);
    this.#child = ownChild(
      spawn('setpriv', ['--pdeathsig', 'KILL', 'sh', '-c', script, 'sh', String(process.pid), qemu, ...words], {
        stdio: ['ignore', 'pipe', 'pipe', ...ports],
        // In a session of its own: Ctrl-C is for us alone.
        detached: true,
      }),
    );
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const whole = this.#console + text.replaceAll('\r', '');
      this.#console = whole.slice(-keptOfConsole);
      this.#forgotten += whole.length - this.#console.length;
      onConsole(text.replaceAll('\r', ''));
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    // QEMU may end before it reads a line: that shows in its exit.
    for (const name of portNames) this.#port(name).on('error', () => undefined);
    const kill = (): void => this.kill();
    process.once('exit', kill);
    this.ended = new Promise((resolve) => {
      const settle = (): void => {
        this.#isEnded = true;
        process.off('exit', kill);
        resolve();
      };
      this.#child.on('error', (error) => {
        this.#errors += error.message;
        settle();
      });
      this.#child.on('close', settle);
    });
  }

  /** What the kernel said so far. */
  get console(): string {
    return this.#console;
  }

  /** A place in the console, for `consoleSince`. */
  get consoleMark(): number {
    return this.#forgotten + this.#console.length;
  }

  consoleSince(mark: number): string {
    return this.#console.slice(Math.max(0, mark - this.#forgotten));
  }

  /** What QEMU said of itself. */
  get errors(): string {
    return this.#errors.trim();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether the guest ended QEMU by its exit device. A panic or an error of QEMU does not. */
  get isEndedByGuest(): boolean {
    return this.#isEnded && this.#child.exitCode === exitByDevice;
  }

  /** Whether it was killed: QEMU does not do that by itself. */
  get isKilled(): boolean {
    return this.#child.signalCode === 'SIGKILL';
  }

  /** The signal by which QEMU ended itself, as at an assertion that does not hold. */
  get fatalSignal(): string | undefined {
    const { signalCode } = this.#child;
    return signalCode === null || signalCode === 'SIGKILL' ? undefined : signalCode;
  }

  /** What comes from a port goes to this listener from now on, and to no other. */
  listen(name: PortName, listener: (text: string) => void): void {
    const decoder = new StringDecoder('utf8');
    this.listenToBytes(name, (bytes) => listener(decoder.write(bytes)));
  }

  /** As bytes, unchanged. */
  listenToBytes(name: PortName, listener: (bytes: Buffer) => void): void {
    this.#port(name).removeAllListeners('data').on('data', listener);
  }

  send(name: PortName, text: string): void {
    if (!this.#isEnded) this.#port(name).write(text);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #port(name: PortName): Duplex {
    return this.#child.stdio[firstPortDescriptor + portNames.indexOf(name)] as Duplex;
  }
}

function qemuWords({ acceleration, kernel, initramfs, kernelOptions, hardware, shares }: MachineFiles): string[] {
  // Emulated on a busy machine, the timer may be late for the kernel's look at it, which then panics.
  const own = ['console=ttyS0', 'quiet', 'panic=-1', 'mitigations=off', 'no_timer_check'];
  const append = [...own, ...kernelOptions].join(' ');
  const share = (tag: string, path: string, rest: string): string[] => [
    ...['-fsdev', `local,id=${tag},path=${path.replaceAll(',', ',,')},security_model=none${rest}`],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
  return [
    ...['-machine', 'q35', ...accelerations[acceleration]],
    ...['-smp', '1', '-m', String(memoryMegabytes), '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-kernel', kernel, '-initrd', initramfs, '-append', append],
    // An IOMMU is for the devices behind it.
    ...hardware,
    // The first virtio device, so that its ports have the names that agent.sh opens.
    ...['-device', `virtio-serial-pci,max_ports=${portNames.length + 1}`],
    ...share('root9', '/', ',readonly=on,multidevs=remap'),
    ...[...shares].flatMap(([tag, path]) => share(tag, path, '')),
    ...portNames.flatMap((name, index) => [
      ...['-chardev', `socket,id=${name},fd=${firstPortDescriptor + index}`],
      ...['-device', `virtserialport,chardev=${name},name=${name},nr=${index + 1}`],
    ]),
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x4'],
  ];
}
