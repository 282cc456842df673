/**
 * Lint and format of all Python files by ruff, which comes from npm as WebAssembly: a newcomer
 * needs no Python package index.
 */
import { PositionEncoding, Workspace, type Diagnostic } from "@astral-sh/ruff-wasm-nodejs";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listFiles, ROOT } from "../repository.ts";

const SETTINGS = {
  "line-length": 100,
  "target-version": "py39",
  lint: {
    select: ["E", "F", "W", "I", "B", "C4", "UP", "SIM", "RUF", "PTH", "RET", "S602", "S605"],
    // The formatter decides where code breaks; a long comment or address is no fault.
    ignore: ["E501"],
  },
  format: { "quote-style": "double" },
};

async function pythonFiles(): Promise<string[]> {
  return (await listFiles()).filter((path) => path.endsWith(".py"));
}

/** Answers one line per finding; none when all is well. */
export async function checkPython(): Promise<string[]> {
  const workspace = new Workspace(SETTINGS, PositionEncoding.Utf16);
  return (await pythonFiles()).flatMap((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    const diagnostics = workspace.check(text) as Diagnostic[];
    const lines = diagnostics.map(
      ({ code, message, start_location: { row, column } }) => `${path}:${row}:${column} ${code ?? "syntax"} ${message}`,
    );
    if (lines.some((line) => line.includes(" syntax "))) {
      return lines;
    }
    const formatted = workspace.format(text) === text;
    return formatted ? lines : [...lines, `${path} is not formatted; run npm run fix`];
  });
}

/** Formats all Python files in place; answers the paths that changed. */
export async function formatPython(): Promise<string[]> {
  const workspace = new Workspace(SETTINGS, PositionEncoding.Utf16);
  return (await pythonFiles()).filter((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    const formatted = workspace.format(text);
    if (formatted !== text) {
      writeFileSync(join(ROOT, path), formatted);
    }
    return formatted !== text;
  });
}
