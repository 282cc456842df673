/** `cronium tokens`: what new machines are registered with. */
import {
  CreatedRegistrationToken,
  CreateRegistrationToken,
  RegistrationTokenPage,
} from "@cronium/protocol/api/runners";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { ago, labelsText } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { printPage } from "./print-page.ts";
import { segment } from "./runs.ts";

export async function listTokens(cli: Cli): Promise<void> {
  const api = await cli.connect();
  const page = await api.json("GET", "/registration-tokens", RegistrationTokenPage);
  const now = cli.now();
  printPage(cli, page, ["TOKEN", "KIND", "STATE", "USES", "LABELS", "BY", "CREATED", "EXPIRES"], (token) => [
    token.id,
    token.kind.replaceAll("_", " "),
    token.state.replaceAll("_", " "),
    `${token.uses}/${token.maxUses}`,
    labelsText(token.labels),
    token.createdBy ?? "",
    ago(token.createdAt, now),
    token.expiresAt,
  ]);
}

export async function createToken(cli: Cli, input: Input): Promise<void> {
  const life = input.duration("expires-in");
  const maxUses = input.number("max-uses", 1, 1_000);
  const body = {
    kind: input.text("kind")?.replaceAll("-", "_"),
    labels: input.pairs("label"),
    ...(maxUses === undefined ? {} : { maxUses }),
    ...(life === undefined ? {} : { expiresInSeconds: Math.round(life / 1_000) }),
  };
  const parsed = CreateRegistrationToken.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const flags: Readonly<Record<string, string>> = { labels: "label", maxUses: "max-uses", kind: "kind" };
    throw new ExitError(
      "usage",
      `--${flags[String(issue?.path[0])] ?? "expires-in"} ${issue?.message ?? "is not valid"}.`,
      "A token lives 60s to 1h; a label is key=value; only reusable and ephemeral tokens have several uses.",
    );
  }
  const api = await cli.connect();
  const token = await api.json("POST", "/registration-tokens", CreatedRegistrationToken, { body: parsed.data });
  const { out } = cli;
  if (out.json) {
    out.value(token);
    return;
  }
  const uses = token.maxUses === 1 ? "it works once" : `it works ${token.maxUses} times`;
  out.say(`Run this on the new machine; ${uses}, until ${token.expiresAt}:`);
  out.line(token.installCommand);
}

export async function revokeToken(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const id = input.arg(0);
  await confirm(cli, input, `Revoke the registration token ${id}? Runners that it registered stay.`);
  await api.send("DELETE", `/registration-tokens/${segment(id)}`);
  if (cli.out.json) {
    cli.out.value({ id, revoked: true });
  } else {
    cli.out.line(`${id}\trevoked`);
  }
}
