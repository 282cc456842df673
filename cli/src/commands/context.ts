/** What every command is handed: where words go, what the environment says, and the way to the control plane. */
import type { Input } from "../base/input.ts";
import { ExitError } from "../base/exit-error.ts";
import { Api } from "../api/client.ts";
import type { Access } from "../config/access.ts";
import type { Environment } from "../config/profiles.ts";
import { makeOutput, type Output } from "../output/output.ts";

export interface Cli {
  readonly out: Output;
  readonly env: Environment;
  readonly now: () => number;
  /** May a person be asked? */
  readonly asks: boolean;
  readonly access: () => Promise<Access>;
  /** Signed in, and, where a workspace is asked for, in that one. */
  readonly connect: () => Promise<Api>;
}

export function makeCli(input: Input): Cli {
  const { env } = process;
  const out = makeOutput({ json: input.flag("json") });
  const access = async (): Promise<Access> => {
    const { findAccess } = await import("../config/access.ts");
    return findAccess(input, env, process.cwd());
  };
  return {
    out,
    env,
    now: () => Date.now(),
    asks: process.stdin.isTTY && process.stderr.isTTY && input.flag("input"),
    access,
    connect: async () => {
      const { url, token, workspace } = await access();
      const api = new Api(url, token);
      if (workspace !== null) {
        const { Me } = await import("@cronium/protocol/api/account");
        const { isWorkspace } = await import("../config/access.ts");
        const me = await api.json("GET", "/me", Me);
        if (!isWorkspace(me.workspace, workspace)) {
          throw new ExitError(
            "usage",
            `The key belongs to the workspace ${me.workspace.name} (${me.workspace.id}), not to ${JSON.stringify(workspace)}.`,
            "Choose another profile, or leave --workspace and CRONIUM_WORKSPACE out.",
          );
        }
      }
      return api;
    },
  };
}

/** Goes on only with a yes. Where nobody can be asked, --yes must have been given. */
export async function confirm(cli: Cli, input: Input, question: string): Promise<void> {
  if (input.flag("yes")) {
    return;
  }
  if (!cli.asks) {
    throw new ExitError("usage", `${question} Nobody can be asked here.`, "Pass --yes to do it.");
  }
  const answer = await ask(`${question} [y/N] `);
  if (!/^y(?:es)?$/i.test(answer.trim())) {
    throw new ExitError("failure", "Nothing was done.", "Answer y, or pass --yes.");
  }
}

/** One line from the person, asked on stderr. */
export async function ask(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.once("SIGINT", () => process.exit(130));
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}
