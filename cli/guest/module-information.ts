/** What a kernel module says of itself in its section .modinfo. */
export interface ModuleInformation {
  readonly name: string;
  /** Names of the modules that have to be loaded before. */
  readonly depends: readonly string[];
  /** Names of its parameters. */
  readonly parameters: readonly string[];
}

/** Reads the strings `tag=value` that modpost leaves in every module. */
export function moduleInformation(module: Buffer): ModuleInformation {
  const text = module.toString('latin1');
  const values = (tag: string): string[] =>
    [...text.matchAll(new RegExp(`\\0${tag}=([^\\0]*)`, 'g'))].map(([, value = '']) => value);
  return {
    name: values('name')[0] ?? '',
    depends: (values('depends')[0] ?? '').split(',').filter((name) => name !== ''),
    parameters: [...new Set([...values('parmtype'), ...values('parm')].map((value) => value.split(':')[0] ?? ''))],
  };
}

/**
 * Names of modules and of all that they need, in the order in which they can be loaded.
 * @param dependsOf names that a module depends on; undefined where it is built into the kernel.
 */
export function loadOrder(
  names: readonly string[],
  dependsOf: (name: string) => readonly string[] | undefined,
): string[] {
  const order = new Set<string>();
  const visit = (name: string): void => {
    const depends = dependsOf(name);
    if (depends === undefined || order.has(name)) return;
    for (const other of depends) visit(other);
    order.add(name);
  };
  for (const name of names) visit(name);
  return [...order];
}
