/** What a service manager is told of this runner: the command, the user, the environment. */
import { homedir } from "node:os";
import { realpathSync } from "node:fs";
import { ExitError } from "../base/exit-error.ts";

export interface ServicePlan {
  /** Program and arguments, each one word whatever it holds. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly dataDir: string;
  /** System account it runs as; null for the one that the service manager picks. */
  readonly user: string | null;
  /** Of one user's session, not of the machine. */
  readonly perUser: boolean;
}

/** What a service has to know that a shell knew; a token does not belong here. */
const PASSED_ON = [
  "DOCKER_HOST",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "NODE_EXTRA_CA_CERTS",
  "CRONIUM_IMAGES_FILE",
];

export interface PlanInput {
  readonly node: string;
  /** The program's own file, as it was started. */
  readonly main: string;
  readonly dataDir: string;
  readonly user: string | null;
  readonly perUser: boolean;
  /** Flags of `up` to go with it. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Throws `ExitError` with `usage` when the program would not be there the next time. */
export function planService(input: PlanInput): ServicePlan {
  const main = realpathSync(input.main);
  if (/[\\/]_npx[\\/]/.test(main)) {
    throw new ExitError(
      "usage",
      "npx keeps this program in a cache that is emptied now and then; a service needs it to stay.",
      "Install it first: npm install --global <address of cronium-runner.tgz>, then cronium-runner service install.",
    );
  }
  if (input.flags.some((flag) => flag === "--token" || flag.startsWith("--token="))) {
    throw new ExitError(
      "usage",
      "A token does not belong into a service's file, where every user can read it.",
      "Register once with cronium-runner up --token …, stop it with Ctrl-C, then install the service.",
    );
  }
  const passed = PASSED_ON.flatMap((name) => {
    const value = input.env[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return {
    command: [input.node, main, "up", "--data-dir", input.dataDir, ...input.flags],
    environment: {
      PATH: input.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
      HOME: homedir(),
      ...Object.fromEntries(passed),
    },
    dataDir: input.dataDir,
    user: input.user,
    perUser: input.perUser,
  };
}
