/** A PostgreSQL of our own on a socket in a temporary folder, durable as installed (fsync on), for graphile-worker. */
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { freePort } from "../plane.ts";
import { waitUntil } from "../wait.ts";

export interface Postgres {
  readonly connectionString: string;
  readonly version: string;
  stop(): Promise<void>;
}

const VERSIONS = "/usr/lib/postgresql";

export async function startPostgres(): Promise<Postgres> {
  const programs = installedPrograms() ?? install();
  const folder = mkdtempSync(join(tmpdir(), "cronium-postgres-"));
  // PostgreSQL refuses to run as root; Debian's package brings a user for it.
  const account = userInfo().uid === 0 ? postgresAccount() : null;
  if (account !== null) {
    chownSync(folder, account.uid, account.gid);
  }
  const as = account === null ? {} : { uid: account.uid, gid: account.gid };
  const cluster = join(folder, "data");
  execFileSync(join(programs, "initdb"), ["-D", cluster, "-U", "bench", "-A", "trust", "--locale=C"], {
    ...as,
    cwd: folder,
    stdio: "ignore",
  });
  const port = await freePort();
  const server = spawn(
    join(programs, "postgres"),
    ["-D", cluster, "-k", folder, "-p", String(port), "-c", "listen_addresses="],
    { ...as, cwd: folder, stdio: "ignore" },
  );
  const gone = new Promise((resolve) => server.once("exit", resolve));
  const ready = (): boolean => {
    try {
      execFileSync(join(programs, "pg_isready"), ["-h", folder, "-p", String(port)], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  await waitUntil("PostgreSQL to start", 30_000, ready);
  return {
    connectionString: `postgres://bench@/postgres?host=${encodeURIComponent(folder)}&port=${port}`,
    version: execFileSync(join(programs, "postgres"), ["--version"], { encoding: "utf8" })
      .trim()
      .replace("postgres (PostgreSQL) ", ""),
    stop: async () => {
      server.kill("SIGINT");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function installedPrograms(): string | null {
  if (!existsSync(VERSIONS)) {
    return null;
  }
  const newest = readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? null : join(VERSIONS, newest, "bin");
}

function install(): string {
  if (userInfo().uid !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(
      "The dispatch benchmark compares with PostgreSQL. Install the package postgresql, then run it again.",
    );
  }
  process.stderr.write("Installing PostgreSQL for the reference…\n");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update", "-q"], { env, stdio: "ignore" });
  execFileSync("apt-get", ["install", "-y", "-q", "--no-install-recommends", "postgresql"], { env, stdio: "ignore" });
  const programs = installedPrograms();
  if (programs === null) {
    throw new Error(`PostgreSQL was installed but ${VERSIONS} is empty.`);
  }
  return programs;
}

function postgresAccount(): { uid: number; gid: number } {
  const number = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: number("-u"), gid: number("-g") };
}
