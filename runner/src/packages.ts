/**
 * The packages that a script names: of Python in a header of the script (PEP 723), of Node in the event's settings.
 *
 *     # /// script
 *     # dependencies = ["requests<3", "rich"]
 *     # ///
 *
 * `requires-python` of the same header is held against the Python of the built-in image, before anything is started.
 *
 * Only what an index can answer for is taken: no addresses, no paths, no options.
 */
import { containerOf, type EventDefinition } from "@cronium/protocol";
import { pythonMisfit } from "./requires-python.ts";

/** The built-in image's; `docker-jobs` compares. */
export const IMAGE_PYTHON = [3, 13] as const;

const MOST = 100;
const MAX_CHARS = 200;
/** A requirement by name (PEP 508): extras, versions and a marker, without an address. */
const REQUIREMENT =
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*(?:\(?[<>=!~][^;@()]*\)?)?\s*(?:;[^@]*)?$/;
/** As PEP 723 has it. */
const BLOCK = /^# \/\/\/ ([a-zA-Z0-9-]+)$\s((?:^#(?:| .*)$\s)+)^# \/\/\/$/gm;

export type Packages =
  | { readonly ok: true; readonly names: readonly string[] }
  | { readonly ok: false; readonly names: readonly []; readonly message: string };

function refused(message: string): Packages {
  return { ok: false, names: [], message };
}

/** In one order, so that equal sets are equal lists. */
export function packagesOf(definition: EventDefinition): Packages {
  const { packages } = containerOf(definition);
  if (definition.runtime !== "node" && packages.length > 0) {
    const where =
      definition.runtime === "python"
        ? "Python names its own in the script, in a header # /// script (PEP 723)"
        : "Bash scripts have none";
    return refused(`The event's packages are those of Node. ${where}.`);
  }
  if (definition.runtime !== "python") {
    return { ok: true, names: inOrder(packages) };
  }
  const { image, executor } = containerOf(definition);
  return pythonPackages(definition.script, image === null && executor === "container");
}

/** `isOurs`: the script runs in the built-in image, whose Python is known. */
function pythonPackages(script: string, isOurs: boolean): Packages {
  const blocks = [...script.replaceAll("\r\n", "\n").matchAll(BLOCK)].filter(([, kind]) => kind === "script");
  if (blocks.length > 1) {
    return refused("The script has more than one header # /// script; it may have one.");
  }
  const header = (blocks[0]?.[2] ?? "").replaceAll(/^# ?/gm, "");
  const wanted = readText(header, "requires-python");
  const misfit = wanted === undefined ? null : pythonMisfit(wanted, IMAGE_PYTHON, isOurs);
  if (misfit !== null) {
    return refused(misfit);
  }
  const list = readList(header, "dependencies");
  if (list === null) {
    return refused('The dependencies in the script\'s header must be a list of texts: ["requests<3"].');
  }
  const bad = list.find((name) => name.length > MAX_CHARS || !REQUIREMENT.test(name.trim()));
  if (bad !== undefined) {
    return refused(
      `The script's header names ${JSON.stringify(bad.slice(0, MAX_CHARS))}, which is not a package with versions such as requests<3.`,
    );
  }
  if (list.length > MOST) {
    return refused(`The script's header names ${list.length} packages; the most is ${MOST}.`);
  }
  return { ok: true, names: inOrder(list.map((name) => name.trim())) };
}

function inOrder(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted();
}

/** A text in the top table of a TOML document; undefined where there is none, null where it is something else. */
function readText(toml: string, key: string): string | null | undefined {
  const top = toml.split(/^\s*\[/m)[0] ?? "";
  const found = new RegExp(`^[ \\t]*(?:"${key}"|${key})[ \\t]*=[ \\t]*([^\\n]*)$`, "m").exec(top);
  if (found === null) {
    return undefined;
  }
  const text = /^(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?$/.exec(found[1] ?? "");
  return text === null ? null : (text[1] ?? text[2] ?? "");
}

/** A list of texts in the top table of a TOML document; empty where there is none, null where it is something else. */
function readList(toml: string, key: string): string[] | null {
  const top = toml.split(/^\s*\[/m)[0] ?? "";
  const found = new RegExp(`^[ \\t]*(?:"${key}"|${key})[ \\t]*=[ \\t]*`, "m").exec(top);
  if (found === null) {
    return [];
  }
  // Cut at the whole header, because the list itself holds brackets.
  const rest = toml.slice(found.index + found[0].length);
  const items: string[] = [];
  const tokens = /\s+|#[^\n]*|([[\],])|"((?:[^"\\\n]|\\["\\])*)"|'([^'\n]*)'/gy;
  let open = false;
  for (let token = tokens.exec(rest); token !== null; token = tokens.exec(rest)) {
    const [, mark, quoted, literal] = token;
    if (mark === "]") {
      return open ? items : null;
    }
    if (mark === "[" && !open) {
      open = true;
    } else if (mark === "[") {
      return null;
    } else if (quoted !== undefined || literal !== undefined) {
      if (!open) {
        return null;
      }
      items.push(literal ?? (quoted ?? "").replaceAll(/\\(["\\])/g, "$1"));
    }
  }
  return null;
}
