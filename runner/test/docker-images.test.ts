import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Docker from "dockerode";
import { afterEach, beforeEach, describe, test } from "vitest";
import { systemClock } from "../src/base/clock.ts";
import { makeLog } from "../src/base/log.ts";
import { ImageShelf } from "../src/executors/docker/image-shelf.ts";
import { loadImageTable } from "../src/executors/docker/images.ts";
import { until } from "./until.ts";

const BUILD_IMAGES = fileURLToPath(new URL("../../images/build.sh", import.meta.url));
const docker = new Docker();
let folder: string;
let tag: string;
let lines: string[];
let shelf: ImageShelf | null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-shelf-"));
  tag = `cronium-test/shelf:${randomBytes(6).toString("hex")}`;
  lines = [];
  shelf = null;
});
afterEach(async () => {
  await shelf?.close();
  await docker
    .getImage(tag)
    .remove()
    .catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

function makeShelf(script: string): { readonly shelf: ImageShelf; readonly changes: string[] } {
  const table = join(folder, "images.json");
  const buildScript = join(folder, "build.sh");
  writeFileSync(table, JSON.stringify({ bash: tag }));
  writeFileSync(buildScript, script);
  const changes: string[] = [];
  const made = new ImageShelf({
    docker,
    clock: systemClock,
    log: makeLog({ level: "debug", format: "json", now: () => 0, write: (line) => lines.push(line) }),
    files: { tables: [join(folder, "none.json"), table], buildScript },
    changed: () => changes.push(made.missing.join()),
  });
  shelf = made;
  return { shelf: made, changes };
}

describe("the image shelf", () => {
  test("has a missing image made, says what is going on, and is complete by itself", async ({ expect }) => {
    const base = (JSON.parse(execFileSync("bash", [BUILD_IMAGES, "bash"]).toString()) as { bash: string }).bash;
    const { shelf: made, changes } = makeShelf(`echo "making $1" >&2; docker tag ${base} ${tag}`);

    await made.look();
    expect(made.missing).toEqual(["bash"]);
    await until("the image is here", () => made.missing.length === 0);

    expect(changes).toEqual(["bash", ""]);
    expect(lines.some((line) => line.includes("making bash"))).toBe(true);
    expect(made.tagOf("bash")).toBe(tag);
    expect(made.tagOf("node")).toBeNull();
  });

  test("says why an image could not be made, and stays unready", async ({ expect }) => {
    const { shelf: made } = makeShelf("echo 'no network' >&2; exit 3");

    await made.look();
    await until("it has failed", () => lines.some((line) => line.includes("images.failed")));

    expect(made.missing).toEqual(["bash"]);
    expect(lines.join("\n")).toContain("no network");
  });

  test("does not make again at once what a build left missing", async ({ expect }) => {
    const { shelf: made } = makeShelf("exit 0");

    await made.look();
    await until("it has looked again", () => lines.some((line) => line.includes("images.still_missing")));

    expect(lines.filter((line) => line.includes('"images.missing"'))).toHaveLength(1);
  });

  test("ends a build that is under way when it is closed", async ({ expect }) => {
    const { shelf: made } = makeShelf("echo started >&2; sleep 300");

    await made.look();
    await until("the build runs", () => lines.some((line) => line.includes("started")));
    await made.close();

    expect(lines.some((line) => line.includes("images.failed"))).toBe(false);
  });
});

describe("the table of images", () => {
  test("is refused with the name of its file when it is broken", async ({ expect }) => {
    const table = join(folder, "images.json");
    writeFileSync(table, '{"ruby": 1}');

    await expect(loadImageTable({ tables: [table], buildScript: null })).rejects.toThrow(table);
  });

  test("comes from the build script where no file brings it", async ({ expect }) => {
    const table = await loadImageTable({ tables: [join(folder, "none.json")], buildScript: BUILD_IMAGES });

    expect(Object.keys(table).toSorted()).toEqual(["bash", "node", "python"]);
  });

  test("that nobody brings is asked for", async ({ expect }) => {
    await expect(loadImageTable({ tables: [], buildScript: null })).rejects.toThrow("CRONIUM_IMAGES_FILE");
  });
});
