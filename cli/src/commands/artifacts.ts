/** `cronium runs artifacts`: the files that a run keeps; a list of them, or the bytes of one. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { basename } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Artifact } from "@cronium/protocol/artifact";
import { Run } from "@cronium/protocol/run";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printTable } from "../output/table.ts";
import type { Cli } from "./context.ts";
import { segment } from "./runs.ts";

export async function runArtifacts(cli: Cli, input: Input): Promise<void> {
  const runId = segment(input.arg(0));
  const { out } = cli;
  const api = await cli.connect();
  const { artifacts } = await api.json("GET", `/runs/${runId}`, Run);
  const wanted = input.text("get");
  if (wanted === undefined) {
    if (out.json) {
      out.value({ items: artifacts });
    } else {
      printTable(
        out,
        ["NAME", "BYTES", "TYPE", "SHA-256"],
        artifacts.map(({ name, bytes, contentType, sha256 }) => [name, String(bytes), contentType, sha256]),
      );
    }
    return;
  }
  const artifact = artifacts.find(({ name }) => name === wanted);
  if (artifact === undefined) {
    throw new ExitError("notFound", `The run has no artifact "${wanted}".`, "cronium runs artifacts <run> lists them.");
  }
  const response = await api.send("GET", `/runs/${runId}/artifacts/${artifact.number}`, { isLong: true });
  const to = input.text("output") ?? basename(artifact.name);
  await store(response, artifact, to);
  out.say(to === "-" ? `${artifact.bytes} bytes` : `${artifact.bytes} bytes written to ${to}`);
}

/** Never over a file that is there; one whose bytes turn out wrong is taken away again. */
async function store(response: Response, { bytes, sha256 }: Artifact, to: string): Promise<void> {
  const hash = createHash("sha256");
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const body = Readable.fromWeb((response.body ?? new Blob([]).stream()) as Parameters<typeof Readable.fromWeb>[0]);
  if (to === "-") {
    await pipeline(body, counted, process.stdout, { end: false });
  } else {
    await pipeline(body, counted, createWriteStream(to, { flags: "wx" })).catch((error: unknown) => {
      throw new ExitError("usage", `${to} cannot be written: ${String(error)}`, "Choose another file with --output.");
    });
  }
  if (hash.digest("hex") !== sha256) {
    if (to !== "-") {
      await rm(to);
    }
    throw new ExitError("failure", `What arrived is not the artifact of ${bytes} bytes.`, "Try again.");
  }
}
