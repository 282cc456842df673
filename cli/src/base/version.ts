import manifest from "../../package.json" with { type: "json" };

/** Of this program; the build writes it into the bundle. */
export const version: string = manifest.version;
