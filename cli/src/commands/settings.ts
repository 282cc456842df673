/** `cronium settings`: what holds for the whole workspace, by the names of the API. */
import { Settings, UpdateSettings } from "@cronium/protocol/api/settings";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printFacts } from "../output/table.ts";
import type { Cli } from "./context.ts";

/** One value alone is printed as it is, for scripts; `version` is what `--based-on` takes. */
export async function getSettings(cli: Cli, input: Input): Promise<void> {
  const name = input.maybeArg(0);
  const { value: settings, version } = await (await cli.connect()).versioned("GET", "/settings", Settings);
  if (name === undefined) {
    print(cli, settings, version);
    return;
  }
  const found = Object.entries({ ...settings, version }).find(([known]) => known === name);
  if (found === undefined) {
    throw unknown(name);
  }
  if (cli.out.json) {
    cli.out.value({ [name]: found[1] });
  } else {
    cli.out.line(text(found[1]));
  }
}

export async function setSetting(cli: Cli, input: Input): Promise<void> {
  const [name, value] = [input.arg(0), input.arg(1)];
  if (!Object.hasOwn(Settings.shape, name)) {
    throw unknown(name);
  }
  const given = value === "none" ? null : /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  const body = UpdateSettings.safeParse({ [name]: given });
  if (!body.success) {
    const why = body.error.issues[0]?.message ?? "is not valid";
    throw new ExitError(
      "usage",
      `${name} is ${JSON.stringify(value)}: ${why}.`,
      "Give a whole number within its range.",
    );
  }
  const sending = { body: body.data, ifMatch: input.basedOn() };
  const changed = await (await cli.connect()).versioned("PATCH", "/settings", Settings, sending);
  print(cli, changed.value, changed.version);
}

function unknown(name: string): ExitError {
  const known = Object.keys(Settings.shape).join(", ");
  return new ExitError("usage", `There is no setting ${JSON.stringify(name)}.`, `There are ${known}.`);
}

const text = (value: number | null): string => (value === null ? "none" : String(value));

function print(cli: Cli, settings: Settings, version: number | null): void {
  if (cli.out.json) {
    cli.out.value(settings);
  } else {
    printFacts(
      cli.out,
      Object.entries({ ...settings, version }).map(([name, value]) => [name, text(value)] as const),
    );
  }
}
