import { parseArgs } from "node:util";
import { join } from "node:path";
import { ROOT } from "../repository.ts";

export interface StartOptions {
  readonly data: string;
  readonly port: number;
  readonly host: string;
  readonly runner: boolean;
  readonly open: boolean;
  /** Settings on top of those in wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
}

export const USAGE = `npm start [-- options]   builds and runs Cronium on this machine

  --data DIR    folder for everything it keeps   (default .data in the repository)
  --port N      port of the dashboard and API    (default 8787; 0 takes a free one)
  --host H      address to listen on             (default 127.0.0.1)
  --var N=V     a setting of the control plane, as in wrangler.toml; may be repeated
  --no-runner   start no runner on this machine
  --no-open     open no browser
  --help        show this text`;

/** Reads the arguments of `npm start`. Answers "help" when asked for it; throws a line for anything wrong. */
export function readOptions(args: readonly string[]): StartOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string", default: join(ROOT, ".data") },
      port: { type: "string", default: "8787" },
      host: { type: "string", default: "127.0.0.1" },
      var: { type: "string", multiple: true, default: [] },
      "no-runner": { type: "boolean", default: false },
      "no-open": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    return "help";
  }
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
    throw new Error(`--port takes a number from 0 to 65535, not ${JSON.stringify(values.port)}.`);
  }
  return {
    data: values.data,
    port: Number(values.port),
    host: values.host,
    runner: !values["no-runner"],
    open: !values["no-open"],
    vars: Object.fromEntries(values.var.map(readSetting)),
  };
}

function readSetting(text: string): readonly [string, string] {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new Error(`--var takes a setting such as REGISTRATION=open, not ${JSON.stringify(text)}.`);
  }
  return [name, value];
}
