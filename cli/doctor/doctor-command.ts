import type { Command } from 'commander';

/** Gives a command the arguments of `doctor`. */
export function addDoctorCommand(command: Command, setExitCode: (code: number) => void): void {
  command
    .argument('[target]', 'vfio-pci:ADDRESS, vhost-vdpa:FILE, or the name of a target (default: all roads to hardware)')
    .action(async (target: string | undefined) => {
      const { examine } = await import('./examine.ts');
      const { doctorHost } = await import('./doctor-host.ts');
      setExitCode(examine(target, doctorHost));
    });
}
