/**
 * What package-lock.json lacks so that `npm ci` accepts it on every platform.
 *
 * A registry that cannot answer for some foreign-platform build makes npm drop that build from the
 * lockfile, and `npm ci` then refuses the lockfile with "Missing: … from lock file". The entry npm
 * would have written needs only the version and the platform, and both can be derived: the version
 * is the (exact) one the parent asks for, the platform is spelled in the package's name.
 */

const SYSTEMS = {
  aix: "aix",
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  netbsd: "netbsd",
  openbsd: "openbsd",
  openharmony: "openharmony",
  sunos: "sunos",
  win32: "win32",
  windows: "win32",
};

const PROCESSORS = {
  64: "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  loong64: "loong64",
  mips64el: "mips64el",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  wasm32: "wasm32",
  x64: "x64",
};

const C_LIBRARIES = { gnu: "glibc", gnueabihf: "glibc", musl: "musl", musleabihf: "musl" };

/** Finds the lock path that `name` resolves to for the package at `from`, walking up as Node does. */
function resolveInLock(packages, from, name) {
  for (let folder = from; ;) {
    const candidate = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (packages[candidate] !== undefined) {
      return candidate;
    }
    if (folder === "") {
      return undefined;
    }
    const cut = folder.lastIndexOf("/node_modules/");
    folder = cut === -1 ? "" : folder.slice(0, cut);
  }
}

/** Builds the lock entry of one platform package, or undefined when its name spells no platform. */
function platformEntry(name, version, parent) {
  const parts = name.slice(name.lastIndexOf("/") + 1).split("-");
  const first = (table) => parts.map((part) => table[part]).find((value) => value !== undefined);
  const os = first(SYSTEMS);
  const cpu = first(PROCESSORS);
  if ((os === undefined && cpu !== "wasm32") || !/^\d/u.test(version)) {
    return undefined;
  }
  const libc = os === "linux" ? first(C_LIBRARIES) : undefined;
  return {
    version,
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(parent.dev ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
  };
}

/**
 * Lists the optional packages that a lockfile names without holding an entry for them.
 *
 * @param {{ packages: Record<string, any> }} lock parsed package-lock.json, version 3
 * @returns {{ path: string, name: string, version: string, parent: string, entry: object | undefined }[]}
 *   one item per absent package; `entry` is undefined where the platform cannot be derived
 */
export function missingPlatformPackages(lock) {
  const missing = new Map();
  for (const [parent, description] of Object.entries(lock.packages)) {
    const optionalPeers = Object.entries(description.peerDependenciesMeta ?? {}).filter(([, meta]) => meta.optional);
    for (const [name, version] of Object.entries(description.optionalDependencies ?? {})) {
      if (optionalPeers.some(([peer]) => peer === name) || resolveInLock(lock.packages, parent, name)) {
        continue;
      }
      // Two parents that ask for different versions of one build would need nested entries.
      const top = `node_modules/${name}`;
      const path = missing.has(top) && missing.get(top).version !== version ? `${parent}/${top}` : top;
      missing.set(path, {
        path,
        name,
        version,
        parent,
        entry: platformEntry(name, version, description),
      });
    }
  }
  return [...missing.values()];
}
