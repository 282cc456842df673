export interface MissingPackage {
  /** Where the entry belongs in the lockfile. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** Lock path of the package that asks for it. */
  readonly parent: string;
  /** The entry npm would have written; undefined where the name spells no platform. */
  readonly entry: object | undefined;
}

export function missingPlatformPackages(lock: {
  readonly packages: Readonly<Record<string, object>>;
}): MissingPackage[];
