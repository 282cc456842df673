/**
 * The built-in images: which tag belongs to which runtime, whether it is on this machine, and how to get it there.
 *
 * Tags are content hashes, so a tag that exists is right. A missing image is made by `build.sh`, which prints its
 * progress on stderr and exits with 0 once the tags it was asked for exist.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import * as z from "zod";
import { ImageReference, runtimes, type Runtime } from "@cronium/protocol";
import { errorText } from "../../base/log.ts";

export const ImageTable = z.partialRecord(z.enum(runtimes), ImageReference);
export type ImageTable = z.infer<typeof ImageTable>;

export interface ImageFiles {
  /** Tables to look for, the first one that exists wins. */
  readonly tables: readonly string[];
  /** The build script; null where this installation brings none. */
  readonly buildScript: string | null;
}

/**
 * The image of each runtime.
 *
 * Throws `Error` naming the file when a table is broken or none exists.
 */
export async function loadImageTable(files: ImageFiles): Promise<ImageTable> {
  for (const path of files.tables) {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        continue;
      }
      throw new Error(`The image table ${path} cannot be read`, { cause: error });
    }
    return parseTable(text, path);
  }
  if (files.buildScript === null) {
    throw new Error("This installation names no images; set CRONIUM_IMAGES_FILE to a file that does");
  }
  const printed: string[] = [];
  await runScript(files.buildScript, ["--tags"], { stdout: (line) => printed.push(line), stderr: () => {} });
  return parseTable(printed.join("\n"), `${files.buildScript} --tags`);
}

function parseTable(text: string, source: string): ImageTable {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`The image table from ${source} is no JSON`, { cause: error });
  }
  const table = ImageTable.safeParse(json);
  if (!table.success) {
    const [issue] = table.error.issues;
    const where = issue?.path.join(".") ?? "";
    throw new Error(`The image table from ${source} is broken${where === "" ? "" : ` at ${where}`}: ${issue?.message}`);
  }
  return table.data;
}

/** Makes the images of these runtimes; `progress` gets the lines that say what is being done. */
export async function buildImages(
  script: string,
  missing: readonly Runtime[],
  progress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  await runScript(script, missing, { stdout: () => {}, stderr: progress }, signal);
}

/** Makes the image of the runner itself; resolves with its tag. `script`: that of the other images. */
export async function buildRunnerImage(script: string, progress: (line: string) => void): Promise<string> {
  const lines: string[] = [];
  const own = join(dirname(script), "runner", "build.sh");
  await runScript(own, [], { stdout: (line) => lines.push(line), stderr: progress });
  return z.object({ runner: z.string() }).parse(JSON.parse(lines.join("\n"))).runner;
}

interface LineSinks {
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
}

async function runScript(
  script: string,
  args: readonly string[],
  sinks: LineSinks,
  signal?: AbortSignal,
): Promise<void> {
  const tail: string[] = [];
  // Its own process group, so that ending it also ends the apt, tar and docker it started.
  const child = spawn("bash", [script, ...args], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const endGroup = (): void => {
    if (child.pid !== undefined) {
      try {
        process.kill(-child.pid, "SIGTERM");
      } catch {
        // It has ended by itself.
      }
    }
  };
  signal?.addEventListener("abort", endGroup, { once: true });
  createInterface({ input: child.stdout }).on("line", sinks.stdout);
  createInterface({ input: child.stderr }).on("line", (line) => {
    tail.push(line);
    tail.splice(0, tail.length - 5);
    sinks.stderr(line);
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    if (code !== 0) {
      throw new Error(`bash ${script} ${args.join(" ")} ended with ${code ?? "a signal"}: ${tail.join(" · ")}`);
    }
  } catch (error) {
    throw new Error(`The images could not be built: ${errorText(error)}`, { cause: error });
  } finally {
    signal?.removeEventListener("abort", endGroup);
  }
}
