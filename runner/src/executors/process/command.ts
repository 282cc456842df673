/** The command line of a job without a container, and its environment. */
import type { BootstrapJob } from "@cronium/protocol";
import type { SlotProfile } from "../types.ts";

/**
 * Arguments: file for the exit code, process limit (empty: none), file limit, address space in KiB (empty: none), command.
 * Processes are -p in dash and -u in bash, whose -p cannot be set. The trap keeps this shell alive over a SIGTERM to the group, which its child, having no trap, gets as it is.
 */
const STARTER = `
exit_file=$1; trap : TERM INT HUP
ulimit -c 0; ulimit -n "$3"
[ -z "$2" ] || ulimit -p "$2" 2>/dev/null || ulimit -u "$2"; [ -z "$4" ] || ulimit -v "$4"
shift 4
"$@" & child=$!
wait $child; code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
echo $code >"$exit_file.new" && mv "$exit_file.new" "$exit_file"
exit $code
`;

const SCRIPT_NAMES = { python: "main.py", node: "main.ts", bash: "main.sh" } as const;

export function scriptName(runtime: BootstrapJob["runtime"]): string {
  return SCRIPT_NAMES[runtime];
}

export interface CommandInput {
  readonly script: string;
  readonly exitFile: string;
  readonly profile: Pick<SlotProfile, "runtime" | "memoryMb" | "limits">;
  /** A number of processes can only be held per account, and not at all for root. */
  readonly root: boolean;
}

/** Program and arguments. */
export function jobCommand({ script, exitFile, profile, root }: CommandInput): readonly [string, readonly string[]] {
  const { runtime, memoryMb, limits } = profile;
  // Node reserves far more addresses than it uses; its heap has a flag of its own.
  const addressKb = runtime === "node" ? "" : String(memoryMb * 1_024);
  const interpreters = {
    python: ["python3", "-u", script],
    node: ["node", `--max-old-space-size=${memoryMb}`, script],
    bash: ["bash", script],
  };
  const starter = [STARTER, "cronium-job", exitFile, root ? "" : String(limits.pids), String(limits.files), addressKb];
  return ["/bin/sh", ["-c", ...starter, ...interpreters[runtime]]];
}

export interface EnvironmentInput {
  readonly job: BootstrapJob;
  readonly home: string;
  readonly tmp: string;
  readonly socket: string;
  readonly user: string;
  readonly path: string;
  readonly sdk: { readonly python: string | null; readonly bash: string | null };
}

/** Nothing of the runner's own but the path. */
export function jobEnvironment(input: EnvironmentInput): Record<string, string> {
  const { job, home, tmp, socket, user, path, sdk } = input;
  return {
    PATH: path,
    LANG: "C.UTF-8",
    HOME: home,
    TMPDIR: tmp,
    USER: user,
    LOGNAME: user,
    ...(job.runtime === "python" && sdk.python !== null ? { PYTHONPATH: sdk.python } : {}),
    ...(job.runtime === "bash" && sdk.bash !== null ? { BASH_ENV: sdk.bash } : {}),
    ...job.env,
    CRONIUM_API: `unix://${socket}`,
  };
}
