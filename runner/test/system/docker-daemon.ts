/** A Docker Engine of the test's own, so that it can be stopped without harm to anything else on the machine. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { eventually } from "./wait.ts";

export interface DockerDaemon {
  /** Value for DOCKER_HOST. */
  readonly host: string;
  readonly client: Docker;
  /** With `liveRestore`, containers run on while it is stopped. */
  start(options?: { readonly liveRestore: boolean }): Promise<void>;
  /** SIGTERM, as a package upgrade or an administrator does it: its containers are stopped, without `liveRestore`. */
  stop(): Promise<void>;
  /** Takes an image over from the machine's own engine. */
  copyImage(tag: string): Promise<void>;
  remove(): Promise<void>;
}

export function makeDockerDaemon(): DockerDaemon {
  const folder = mkdtempSync(join(tmpdir(), "cronium-dockerd-"));
  const socket = join(folder, "docker.sock");
  const client = new Docker({ socketPath: socket });
  const logFile = join(folder, "log");
  let daemon: ChildProcess | null = null;
  const stop = async (): Promise<void> => {
    const running = daemon;
    daemon = null;
    if (running !== null && running.exitCode === null) {
      const gone = new Promise((resolve) => running.once("exit", resolve));
      running.kill("SIGTERM");
      await gone;
    }
  };
  return {
    host: `unix://${socket}`,
    client,
    stop,
    start: async ({ liveRestore } = { liveRestore: false }) => {
      const log = openSync(logFile, "a");
      const places = [
        "--data-root",
        join(folder, "root"),
        "--exec-root",
        join(folder, "exec"),
        "--pidfile",
        join(folder, "pid"),
      ];
      const network = ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"];
      // In a network namespace of its own: an engine without a bridge removes docker0 on its way up, the machine's too.
      const args = ["--net", "dockerd", "-H", `unix://${socket}`, ...places, ...network];
      args.push(...(liveRestore ? ["--live-restore"] : []));
      daemon = spawn("unshare", args, { stdio: ["ignore", log, log] });
      closeSync(log);
      await eventually(`dockerd to answer (${logFile})`, 120_000, async () => {
        if (daemon?.exitCode !== null) {
          throw new Error(`dockerd ended:\n${readFileSync(logFile, "utf8").slice(-2_000)}`);
        }
        return client.ping().then(
          () => true,
          () => false,
        );
      });
    },
    copyImage: async (tag) => {
      const stream = await new Docker().getImage(tag).get();
      const progress = await client.loadImage(stream);
      await new Promise((resolve, reject) => {
        progress.once("end", resolve);
        progress.once("error", reject);
        progress.resume();
      });
    },
    remove: async () => {
      await stop();
      // The engine leaves its private mounts behind; they would keep the folder from being removed.
      const mounts = readFileSync("/proc/mounts", "utf8")
        .split("\n")
        .map((line) => line.split(" ")[1] ?? "");
      for (const mount of mounts.filter((path) => path.startsWith(folder)).toReversed()) {
        execFileSync("umount", ["-l", mount]);
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Tags of the images that jobs run in. */
export function imageTags(root: string): Readonly<Record<string, string>> {
  return JSON.parse(execFileSync("bash", [join(root, "images/build.sh"), "--tags"], { encoding: "utf8" })) as Record<
    string,
    string
  >;
}
