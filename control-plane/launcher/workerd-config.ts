/** Writes workerd's configuration (Cap'n Proto text) for the Worker that `wrangler.toml` describes. */
import { relative } from "node:path";
import { outboundNetwork } from "./network.ts";
import type { WranglerFile } from "./wrangler-file.ts";

const NODE_COMPAT_IMPLIED = "2026-08-04";

export interface ConfigPlaces {
  /** Folder of the configuration file; `embed` only knows paths relative to it. */
  readonly configFolder: string;
  readonly workerBundle: string;
  readonly d1Bundle: string;
  readonly siteBundle: string;
  readonly siteFolder: string;
  readonly objectsFolder: string;
  readonly d1Folder: string;
  readonly blobsFolder: string;
}

export interface ConfigOptions {
  readonly places: ConfigPlaces;
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly address: string;
  /** On top of, and instead of, those in `wrangler.toml`. */
  readonly vars: Readonly<Record<string, string>>;
  /** Names of environment variables that hold secrets; their values never reach this file. */
  readonly secrets: readonly string[];
}

/** Every binding of `wrangler.toml`; R2 buckets become disk services named `<binding>_DISK`. */
export function workerdConfig(file: WranglerFile, options: ConfigOptions): string {
  const { places } = options;
  const embed = (path: string): string => `embed ${text(relative(places.configFolder, path))}`;
  // workerd complains of flags that the date implies already.
  const flags = file.compatibility_flags.filter(
    (flag) => flag !== "nodejs_compat" || file.compatibility_date < NODE_COMPAT_IMPLIED,
  );
  const runtime = `compatibilityDate = ${text(file.compatibility_date)}, compatibilityFlags = [${flags.map(text).join(", ")}]`;
  const vars = { ...file.vars, ...options.vars };
  const bindings = [
    `(name = ${text(file.assets.binding)}, service = "site")`,
    ...file.d1_databases.map(
      (database) =>
        `(name = ${text(database.binding)}, wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "d1")]))`,
    ),
    ...file.durable_objects.bindings.map(
      (object) => `(name = ${text(object.name)}, durableObjectNamespace = ${text(object.class_name)})`,
    ),
    ...file.r2_buckets.map((bucket) => `(name = ${text(`${bucket.binding}_DISK`)}, service = "blobs")`),
    ...Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...options.secrets.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`),
  ];
  const classes = file.migrations.flatMap((migration) => migration.new_sqlite_classes);
  const namespaces = classes.map(
    (name) => `(className = ${text(name)}, uniqueKey = ${text(`cronium-${name}`)}, enableSql = true)`,
  );
  return `# Written by the launcher at each start from wrangler.toml; changes here are lost.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "d1", worker = .d1),
    (name = "site", worker = .site),
    (name = "site-files", disk = (path = ${text(places.siteFolder)})),
    (name = "objects", disk = (path = ${text(places.objectsFolder)}, writable = true)),
    (name = "d1-files", disk = (path = ${text(places.d1Folder)}, writable = true)),
    (name = "blobs", disk = (path = ${text(places.blobsFolder)}, writable = true)),
    ${internet(vars["OUTBOUND_NETWORKS"] ?? "")},
  ],
  sockets = [(name = "http", address = ${text(options.address)}, http = (), service = "main")],
);

const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = ${embed(places.workerBundle)})],
  ${runtime},
  bindings = [
    ${bindings.join(",\n    ")},
  ],
  durableObjectNamespaces = [
    ${namespaces.join(",\n    ")},
  ],
  durableObjectStorage = (localDisk = "objects"),
);

const d1 :Workerd.Worker = (
  modules = [(name = "d1.js", esModule = ${embed(places.d1Bundle)})],
  ${runtime},
  bindings = [(name = "DATABASE", durableObjectNamespace = "Database")],
  durableObjectNamespaces = [(className = "Database", uniqueKey = "cronium-d1", enableSql = true)],
  durableObjectStorage = (localDisk = "d1-files"),
);

const site :Workerd.Worker = (
  modules = [(name = "site.js", esModule = ${embed(places.siteBundle)})],
  ${runtime},
  bindings = [(name = "FILES", service = "site-files")],
);
`;
}

/** Where the Worker's own requests go out. */
function internet(networks: string): string {
  const { allow, deny } = outboundNetwork(networks);
  const list = (blocks: readonly string[]): string => `[${blocks.map(text).join(", ")}]`;
  return `(name = "internet", network = (allow = ${list(allow)}, deny = ${list(deny)}, tlsOptions = (trustBrowserCas = true)))`;
}

/** A Cap'n Proto text literal. */
function text(value: string): string {
  const escaped = value.replaceAll(/[\\"]/g, "\\$&").replaceAll(/[\0-\x1f\x7f]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
