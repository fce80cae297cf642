/** What stands in for some members of an object: everything else is its own. */
export type Members<T extends object> = { readonly [Name in keyof T]?: T[Name] };

/**
 * The object with some members replaced. Its methods run on the object itself, so that what they call of it is not seen:
 * only what comes from outside is.
 */
export function spied<T extends object>(target: T, members: Members<T>): T {
  const bound = new Map<PropertyKey, unknown>();
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name);
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const known = bound.get(name);
      if (known !== undefined) return known;
      const method: unknown = value.bind(target);
      bound.set(name, method);
      return method;
    },
  });
}
